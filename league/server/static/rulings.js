/** Whether stewards decided something since this page was made. */

export class Decided {
  #revision = Number(document.body.dataset.revision);

  /** Whether a message from the race tells of other decisions than the page, or the message before it, does. */
  news({ type, revision }) {
    if (type !== "board" || revision === undefined || revision === this.#revision) return false;
    this.#revision = revision;
    return true;
  }
}
