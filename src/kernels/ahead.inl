// Which lines of the weights a product asks of the memory ahead of using them. Included inside an
// unnamed namespace, after `Isa`.

// What a tile asks of the memory while it computes: of each of its panels one line, `step` bytes
// further at every k. The addresses may lie beyond the weights: a prefetch of nothing does nothing.
struct Ahead {
  uintptr_t from;
  size_t step;
};

TRANSEPT_INLINE void ask(const Ahead& ahead, size_t k, size_t panel_offset) {
  const uintptr_t line = ahead.from + k * ahead.step + panel_offset;
  __builtin_prefetch(reinterpret_cast<const void*>(line), 0, Isa::kAheadCache);
}

// One pass over a group of panels; the rows of a product take `of` passes, this is number `index`.
struct Pass {
  int index;
  int of;
  int panels;  // in a group

  // So many passes share the lines of the next group between them; more would only ask again.
  static constexpr int kMostSharers = 8;
  [[nodiscard]] bool asks() const { return index <= kMostSharers; }

  // A tile of so many bytes and the next one share the first level.
  static constexpr size_t kShortBytes = size_t{16} * 1024;

  // For the tile of `width` panels that computes at `own`, in so many steps of `line` bytes of
  // each. The first pass reads its panels from memory and asks for lines of the same panels, or of
  // the next tile's where panels are short (a head's keys): the processor itself does not look
  // beyond a page of one stream. The next passes find theirs in the second-level cache and share
  // between them the lines of the next group: reading the weights and computing overlap (AVX2: 13 %
  // of a decoding step of 32 rows in f32; AVX-512: 46 -> 70 % of the peak). On AVX-512 asking for
  // every line once is not enough, some are not brought.
  [[nodiscard]] Ahead ahead(const void* own, size_t width, size_t panel_bytes, size_t steps,
                            size_t line) const {
    const auto at = reinterpret_cast<uintptr_t>(own);
    if (index == 0) {
      const bool is_short = width * steps * line <= kShortBytes;
      return {at + (is_short ? width * panel_bytes : Isa::kLinesAhead * line), line};
    }
    const auto sharers = static_cast<size_t>(of - 1 < kMostSharers ? of - 1 : kMostSharers);
    const size_t step = (line + sharers - 1) / sharers;
    return {at + static_cast<size_t>(panels) * panel_bytes +
                static_cast<size_t>(index - 1) * step * steps,
            step};
  }
};
