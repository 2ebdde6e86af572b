// The matrix product over packed panels. Included inside an unnamed namespace, after
// lanes.inl.
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
      store_first(g.y + static_cast<size_t>(row + r) * g.ldy + n, out, count);
    }
  }
}

// Not inlined, so that every tile has the registers to itself.
template <int kRows, int kPanels>
__attribute__((noinline)) void tile(const GemmF32& g, int row, int panel) {
  constexpr int kSums = kPanels * kVecs;
  constexpr size_t kAhead = 64;  // floats
  Isa::Vec sum[kRows][kSums];
  TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) sum[r][v] = Isa::splat(0.0f);
  }
  const float* a = g.a + static_cast<size_t>(row) * g.lda;
  const float* w = g.packed + static_cast<size_t>(panel) * g.panel_stride;
  for (size_t k = 0; k < static_cast<size_t>(g.k); ++k) {
    Isa::Vec weight[kSums];
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
      weight[v] = Isa::load(w + static_cast<size_t>(v / kVecs) * g.panel_stride + k * kLanes +
                            v % kVecs * Isa::kWidth);
    }
    // The processor does not look ahead beyond a page of one stream; this gains about 10 % where
    // the weights come from memory. Tiles that read several streams are better off without
    // (measured).
    if constexpr (kPanels == 1 && kRows > 2) __builtin_prefetch(w + k * kLanes + kAhead);
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
      const Isa::Vec x = Isa::splat(a[static_cast<size_t>(r) * g.lda + k]);
      TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) sum[r][v] = Isa::fma(x, weight[v], sum[r][v]);
    }
  }
  finish_tile<kRows, kPanels>(g, row, panel, sum);
}

// One strip of kRows rows over panels [begin, end).
template <int kRows, int kPanels = Isa::kPanelsForRows[kRows]>
void strip(const GemmF32& g, int row, int begin, int end) {
  for (; begin + kPanels <= end; begin += kPanels) tile<kRows, kPanels>(g, row, begin);
  if constexpr (kPanels > 1) strip<kRows, kPanels / 2>(g, row, begin, end);
}

void strip_of(int rows, const GemmF32& g, int row, int begin, int end) {
  switch (rows) {
    case 1:
      return strip<1>(g, row, begin, end);
    case 2:
      return strip<2>(g, row, begin, end);
    case 3:
      return strip<3>(g, row, begin, end);
    case 4:
      return strip<4>(g, row, begin, end);
    case 5:
      return strip<5>(g, row, begin, end);
    default:
      return strip<6>(g, row, begin, end);
  }
}

// Rows are cut into near-equal strips of at most 6: 8 = 4 + 4, not 6 + 2. All strips go over one
// group of panels, which stays in the second-level cache, before the next.
void gemm_f32(const GemmF32& g, int panel_begin, int panel_end) {
  constexpr int kGroupFloats = 65536;  // 256 KiB
  const int strips = (g.m + 5) / 6;
  const int width = Isa::kPanelsForRows[4];
  const int fit = kGroupFloats / (kLanes * width) / (g.k > 1 ? g.k : 1) * width;
  const int group = strips == 1 ? panel_end - panel_begin : fit > width ? fit : width;
  for (int begin = panel_begin; begin < panel_end; begin += group) {
    const int end = begin + group < panel_end ? begin + group : panel_end;
    for (int s = 0, row = 0; s < strips; ++s) {
      const int left = strips - s;
      const int rows = (g.m - row + left - 1) / left;
      strip_of(rows, g, row, begin, end);
      row += rows;
    }
  }
}
