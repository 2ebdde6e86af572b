// The matrix product over panels of bf16 weights: gemm.inl's with weights that are widened to f32
// as they are read, so the bits are those of gemm_f32 on the same values. Included inside an
// unnamed namespace, after gemm.inl; Isa also provides load_bf16.

template <int kRows, int kPanels>
__attribute__((noinline)) void tile_bf16(const GemmF32& g, const uint16_t* packed, int row,
                                         int panel) {
  constexpr int kSums = kPanels * kVecs;
  Isa::Vec sum[kRows][kSums];
  TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) sum[r][v] = Isa::splat(0.0f);
  }
  const float* a = g.a + static_cast<size_t>(row) * g.lda;
  const uint16_t* w = packed + static_cast<size_t>(panel) * g.panel_stride;
  for (size_t k = 0; k < static_cast<size_t>(g.k); ++k) {
    Isa::Vec weight[kSums];
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
      weight[v] = Isa::load_bf16(w + static_cast<size_t>(v / kVecs) * g.panel_stride + k * kLanes +
                                 v % kVecs * Isa::kWidth);
    }
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
      const Isa::Vec x = Isa::splat(a[static_cast<size_t>(r) * g.lda + k]);
      TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) sum[r][v] = Isa::fma(x, weight[v], sum[r][v]);
    }
  }
  finish_tile<kRows, kPanels>(g, row, panel, sum);
}

template <int kRows, int kPanels = Isa::kPanelsForRows[kRows]>
void strip_bf16(const GemmF32& g, const uint16_t* packed, int row, int begin, int end) {
  for (; begin + kPanels <= end; begin += kPanels) tile_bf16<kRows, kPanels>(g, packed, row, begin);
  if constexpr (kPanels > 1) strip_bf16<kRows, kPanels / 2>(g, packed, row, begin, end);
}

template <int kRows = 6>
void strip_of_bf16(int rows, const GemmF32& g, const uint16_t* packed, int row, int begin,
                   int end) {
  if (rows == kRows) return strip_bf16<kRows>(g, packed, row, begin, end);
  if constexpr (kRows > 1) strip_of_bf16<kRows - 1>(rows, g, packed, row, begin, end);
}

// The order of strips and panels is gemm_f32's.
void gemm_bf16(const GemmF32& g, const uint16_t* packed, int panel_begin, int panel_end) {
  constexpr int kGroupValues = 131072;  // 256 KiB
  const int strips = (g.m + 5) / 6;
  const int width = Isa::kPanelsForRows[4];
  const int fit = kGroupValues / (kLanes * width) / (g.k > 1 ? g.k : 1) * width;
  const int group = strips == 1 ? panel_end - panel_begin : fit > width ? fit : width;
  for (int begin = panel_begin; begin < panel_end; begin += group) {
    const int end = begin + group < panel_end ? begin + group : panel_end;
    for (int s = 0, row = 0; s < strips; ++s) {
      const int left = strips - s;
      const int rows = (g.m - row + left - 1) / left;
      strip_of_bf16(rows, g, packed, row, begin, end);
      row += rows;
    }
  }
}
