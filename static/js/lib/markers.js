// Where an answer cites while it arrives: `[n]` outside of code and links. When it is whole, the server tells.
const PIECE = /`+|\n|\[(\d{1,3})\](?!\([^\s()]+\)|\]\([^\s()]+\))|[^`\n[]+|\[/g;
const FENCE = 3; // backticks; code that begins with fewer ends with its line

export class Markers {
  code = 0; // length of the run of backticks that opened the code we are in
  run = 0; // backticks just seen, perhaps not all of them

  /** New text in; its pieces out: strings, and numbers where it cites. */
  read(text) {
    const pieces = [];
    for (const [piece, number] of text.matchAll(PIECE)) {
      if (piece[0] === "`") this.run += piece.length;
      else this.endRun();
      if (piece === "\n" && this.code < FENCE) this.code = 0;
      if (number && !this.code) pieces.push(Number(number));
      else if (typeof pieces.at(-1) === "string") pieces.push(pieces.pop() + piece);
      else pieces.push(piece);
    }
    return pieces;
  }

  endRun() {
    if (!this.code) this.code = this.run;
    else if (this.run === this.code) this.code = 0;
    this.run = 0;
  }
}
