// Look: an explanation of the server as rows and maps of weights. Layer or head -1: the mean over all.
function unpack(base64) {
  const text = atob(base64);
  const values = new Float32Array(text.length / 2);
  for (let i = 0; i < values.length; ++i)
    values[i] = (text.charCodeAt(2 * i) + 256 * text.charCodeAt(2 * i + 1)) / 65535;
  return values;
}

export class Look {
  constructor(explanation) {
    Object.assign(this, explanation);
    this.maps = { cross: this.cross.map((heads) => heads.map(unpack)), self: this.self.map((heads) => heads.map(unpack)) };
    this.begun = this.n_start + this.n_prompt; // decoder positions before the first output token
    this.cache = new Map();
  }

  get layers() { return this.decoder_layers; }
  get positions() { return this.target.length; }
  columns(kind) { return kind === "cross" ? this.source.length : this.positions; }
  // The decoder position whose row predicts the token of a step.
  row(step) { return this.begun + step - 1; }

  // [positions, columns] of one layer and head, or of their mean.
  map(kind, layer, head, weighted = false) {
    const name = `${kind} ${layer} ${head} ${weighted}`;
    if (this.cache.has(name)) return this.cache.get(name);
    const size = this.positions * this.columns(kind);
    const sum = new Float32Array(size);
    let n = 0;
    for (let l = 0; l < this.layers; ++l) {
      if (layer >= 0 && l !== layer) continue;
      for (let h = 0; h < this.n_heads; ++h) {
        if (head >= 0 && h !== head) continue;
        const one = this.maps[kind][l][h];
        const norms = weighted ? this.norms(l, h) : null;
        for (let i = 0; i < size; ++i) sum[i] += norms ? one[i] * norms[i % norms.length] : one[i];
        ++n;
      }
    }
    for (let i = 0; i < size; ++i) sum[i] /= n || 1;
    if (weighted) this.normalize(sum, this.columns(kind));
    this.cache.set(name, sum);
    return sum;
  }

  norms(layer, head) {
    const rows = this.source.length;
    const begin = (layer * this.n_heads + head) * rows;
    return this.value_norms.slice(begin, begin + rows);
  }

  normalize(values, columns) {
    for (let begin = 0; begin < values.length; begin += columns) {
      let sum = 0;
      for (let i = 0; i < columns; ++i) sum += values[begin + i];
      for (let i = 0; i < columns; ++i) values[begin + i] /= sum || 1;
    }
  }

  weights(kind, position, layer, head, weighted) {
    const columns = this.columns(kind);
    return this.map(kind, layer, head, weighted).subarray(position * columns, (position + 1) * columns);
  }
}

// How much less likely each output token is without each row: [step][source], as shares of the step's losses.
export class Occlusion {
  constructor(answer) {
    this.loss = answer.logprobs.map((whole, step) => answer.without.map((row) => Math.max(0, whole - row[step])));
    this.shares = this.loss.map((row) => {
      const sum = row.reduce((a, b) => a + b, 0);
      return row.map((x) => (sum > 0 ? x / sum : 0));
    });
  }
}
