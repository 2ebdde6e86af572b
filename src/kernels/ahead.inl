// Which lines of the weights a product asks of the memory ahead of using them. Included inside an
// unnamed namespace.

// What a tile asks of the memory while it computes: one line, `step` bytes further at every k.
// The addresses may lie beyond the weights: a prefetch of nothing does nothing.
struct Ahead {
  uintptr_t from;
  size_t step;
};

// One pass over a group of panels; the rows of a product take `of` passes, this is number `index`.
struct Pass {
  int index;
  int of;
  int panels;  // in a group

  // For the tile of one panel that computes at `own`, in so many steps of `line` bytes each.
  // The first pass reads its panels from memory and asks for the line four steps ahead: the
  // processor itself does not look beyond a page of one stream. The later passes find theirs in the
  // second-level cache and share between them the lines of the next group: reading the weights and
  // computing overlap (13 % of a decoding step of 32 rows in f32).
  [[nodiscard]] Ahead ahead(const void* own, size_t panel_bytes, size_t steps, size_t line) const {
    const auto at = reinterpret_cast<uintptr_t>(own);
    if (index == 0) return {at + 4 * line, line};
    const size_t step = (line + static_cast<size_t>(of) - 2) / static_cast<size_t>(of - 1);
    return {at + static_cast<size_t>(panels) * panel_bytes +
                static_cast<size_t>(index - 1) * step * steps,
            step};
  }
};
