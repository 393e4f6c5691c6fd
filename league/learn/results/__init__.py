"""What a run leaves behind: its folder, the model that races, test drives, evaluations, logs and costs."""
