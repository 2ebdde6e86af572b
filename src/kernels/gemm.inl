// The matrix product over packed panels, of f32, or of bf16 or int8 that is widened as it is read:
// the bits are those of the f32 product on the same values. Included inside an unnamed namespace,
// after lanes.inl and ahead.inl.
//
// A tile holds kRows x kPanels panels of sums in registers and walks the inner dimension from 0 to
// its end. Which tile computes an element never changes the order of its sum.

template <int kRows, int kPanels>
TRANSEPT_INLINE void finish_tile(const GemmF32& g, int row, int panel,
                                 const Isa::Vec (&sum)[kRows][kPanels * kVecs]) {
  TRANSEPT_UNROLL for (int p = 0; p < kPanels; ++p) {
    const int n = (panel + p) * kLanes;
    const int count = g.n - n;
    Lanes bias = splat<Lanes>(0.0f);
    if (g.bias != nullptr) bias = load_first(g.bias + n, count);
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
      Lanes out;
      TRANSEPT_UNROLL for (int v = 0; v < kVecs; ++v) out.v[v] = sum[r][p * kVecs + v];
      if (g.bias != nullptr) out = out + bias;
      float* y = g.y + static_cast<size_t>(row + r) * g.ldy + n;
      if (g.accumulate) out = load_first(y, count) + out;
      store_first(y, out, count);
    }
  }
}

TRANSEPT_INLINE Isa::Vec load_weights(const float* p) {
  return Isa::load(p);
}
TRANSEPT_INLINE Isa::Vec load_weights(const uint16_t* p) {
  return Isa::load_bf16(p);
}
TRANSEPT_INLINE Isa::Vec load_weights(const int8_t* p) {
  return Isa::load_i8(p);
}

// Not inlined, so that every tile has the registers to itself. kStrips: `a` is packed in strips.
template <int kRows, int kPanels, bool kStrips, bool kAsks, class W>
__attribute__((noinline)) void tile(const GemmF32& g, const W* packed, int row, int panel,
                                    Ahead ahead) {
  constexpr int kSums = kPanels * kVecs;
  Isa::Vec sum[kRows][kSums];
  TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) sum[r][v] = Isa::splat(0.0f);
  }
  const float* a = g.a + static_cast<size_t>(row) * (kStrips ? static_cast<size_t>(g.k) : g.lda);
  const W* w = packed + static_cast<size_t>(panel) * g.panel_stride;
  for (size_t k = 0; k < static_cast<size_t>(g.k); ++k) {
    Isa::Vec weight[kSums];
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
      weight[v] = load_weights(w + static_cast<size_t>(v / kVecs) * g.panel_stride + k * kLanes +
                               v % kVecs * Isa::kWidth);
    }
    if constexpr (kAsks) {
      TRANSEPT_UNROLL for (size_t p = 0; p < kPanels; ++p) {
        ask(ahead, k, p * g.panel_stride * sizeof(W));
      }
    }
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
      const Isa::Vec x = Isa::splat(kStrips ? a[k * kStripRows + static_cast<size_t>(r)]
                                            : a[static_cast<size_t>(r) * g.lda + k]);
      TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) sum[r][v] = Isa::fma(x, weight[v], sum[r][v]);
    }
  }
  finish_tile<kRows, kPanels>(g, row, panel, sum);
}

// One strip of kRows rows over panels [begin, end): tiles of kPanels, then narrower ones.
template <int kRows, bool kStrips, bool kAsks, class W, int kPanels = Isa::kPanelsForRows[kRows]>
void strip(const GemmF32& g, const W* packed, int row, int begin, int end, const Pass& pass) {
  constexpr bool kAsking =
      kAsks && kRows >= Isa::kLeastRowsAhead && kPanels <= Isa::kMostPanelsAhead;
  for (; begin + kPanels <= end; begin += kPanels) {
    const size_t stride = g.panel_stride;
    const W* own = packed + static_cast<size_t>(begin) * stride;
    const Ahead ahead =
        pass.ahead(own, kPanels, stride * sizeof(W), static_cast<size_t>(g.k), kLanes * sizeof(W));
    tile<kRows, kPanels, kStrips, kAsking>(g, packed, row, begin, ahead);
  }
  if constexpr (kPanels > 1) {
    strip<kRows, kStrips, kAsks, W, kPanels - 1>(g, packed, row, begin, end, pass);
  }
}

template <bool kStrips, class W, int kRows = kStrips ? kStripRows : Isa::kMostRows>
void strip_of(int rows, const GemmF32& g, const W* packed, int row, int begin, int end,
              const Pass& pass) {
  if (rows == kRows) {
    return pass.asks() ? strip<kRows, kStrips, true>(g, packed, row, begin, end, pass)
                       : strip<kRows, kStrips, false>(g, packed, row, begin, end, pass);
  }
  if constexpr (kRows > 1) strip_of<kStrips, W, kRows - 1>(rows, g, packed, row, begin, end, pass);
}

// Rows are cut into near-equal strips of at most kMostRows: of 6, 8 = 4 + 4, not 6 + 2; packed
// strips are all full but the last. All strips go over one group of panels, which stays in the
// second-level cache, before the next.
template <bool kStrips, class W>
void gemm(const GemmF32& g, const W* packed, int panel_begin, int panel_end) {
  constexpr int kGroupValues = Isa::kGroupBytes / static_cast<int>(sizeof(W));
  constexpr int kMostRows = kStrips ? kStripRows : Isa::kMostRows;
  const int strips = (g.m + kMostRows - 1) / kMostRows;
  const int most = kStrips ? kMostRows : (g.m + strips - 1) / strips;  // of a strip
  const int width = Isa::kPanelsForRows[most];
  const int fit = kGroupValues / (kLanes * width) / (g.k > 1 ? g.k : 1) * width;
  const int group = strips == 1 ? panel_end - panel_begin : fit > width ? fit : width;
  for (int begin = panel_begin; begin < panel_end; begin += group) {
    const int end = begin + group < panel_end ? begin + group : panel_end;
    for (int s = 0, row = 0; s < strips; ++s) {
      const int left = strips - s;
      const int even = (g.m - row + left - 1) / left;
      const int rows = !kStrips ? even : left > 1 ? kStripRows : g.m - row;
      strip_of<kStrips>(rows, g, packed, row, begin, end,
                        {.index = s, .of = strips, .panels = group});
      row += rows;
    }
  }
}

void gemm_f32(const GemmF32& g, int panel_begin, int panel_end) {
  gemm<false>(g, g.packed, panel_begin, panel_end);
}

void gemm_bf16(const GemmF32& g, const uint16_t* packed, int panel_begin, int panel_end) {
  gemm<false>(g, packed, panel_begin, panel_end);
}

void gemm_f32_by_i8(const GemmF32& g, const int8_t* packed, int panel_begin, int panel_end) {
  gemm<false>(g, packed, panel_begin, panel_end);
}

void gemm_strips_f32(const GemmF32& g, int panel_begin, int panel_end) {
  gemm<true>(g, g.packed, panel_begin, panel_end);
}

// Rows of 16 are copied as they are; this is bound by memory.
void pack_columns_f32(const float* source, size_t ld, int n, int k, float* packed, int panel_begin,
                      int panel_end) {
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    const float* in = source + static_cast<size_t>(panel) * kLanes;
    float* out = packed + static_cast<size_t>(panel) * static_cast<size_t>(k) * kLanes;
    for (int i = 0; i < k; ++i, in += ld, out += kLanes) {
      store(out, load_first(in, n - panel * kLanes));
    }
  }
}

void pack_strips_f32(const float* source, size_t ld, int m, int k, float* strips) {
  for (int row = 0; row < m; row += kStripRows) {
    const float* in = source + row;
    if (row + kStripRows <= m) {
      for (int i = 0; i < k; ++i, in += ld, strips += kStripRows) {
        TRANSEPT_UNROLL for (int r = 0; r < kStripRows; ++r) strips[r] = in[r];
      }
      continue;
    }
    for (int i = 0; i < k; ++i, in += ld, strips += kStripRows) {
      for (int r = 0; r < kStripRows; ++r) strips[r] = row + r < m ? in[r] : 0.0f;
    }
  }
}
