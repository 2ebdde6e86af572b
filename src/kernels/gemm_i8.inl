// The integer matrix product over int8 panels. Included inside an unnamed namespace, after
// lanes.inl and a policy Int8, which provides: Sum (the int32 lanes of a register, as many as
// Isa::Vec has), Weights, Acts; kMostRows, kPanelsForRows, kSpinSums; start(correction),
// load(weights), splat(four activations), dot(sum, acts, weights), to_float(sum).
//
// Tiles as in gemm.inl. Sums are exact, so here no order matters at all.

inline const std::byte* panel_of(const GemmI8& g, int panel) {
  return g.packed + static_cast<size_t>(panel) * int8_panel_bytes(g.k);
}

// What begins at `first`, a panel every `stride` bytes, begins with its scales.
template <int kRows, int kPanels>
TRANSEPT_INLINE void finish_i8(const GemmI8& g, int row, int panel, const std::byte* first,
                               size_t stride, const Int8::Sum (&sum)[kRows][kPanels * kVecs]) {
  TRANSEPT_UNROLL for (int p = 0; p < kPanels; ++p) {
    const int n = (panel + p) * kLanes;
    const int count = g.n - n;
    const Lanes scale =
        load(reinterpret_cast<const float*>(first + static_cast<size_t>(p) * stride));
    Lanes bias = splat<Lanes>(0.0f);
    if (g.bias != nullptr) bias = load_first(g.bias + n, count);
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
      Lanes out;
      TRANSEPT_UNROLL for (int v = 0; v < kVecs; ++v) out.v[v] =
          Int8::to_float(sum[r][p * kVecs + v]);
      out = out * (splat<Lanes>(g.a_scale[row + r]) * scale);
      if (g.bias != nullptr) out = out + bias;
      store_first(g.y + static_cast<size_t>(row + r) * g.ldy + n, out, count);
    }
  }
}

template <int kRows, int kPanels, bool kAsks>
__attribute__((noinline)) void tile_i8(const GemmI8& g, int row, int panel, Ahead ahead) {
  constexpr int kSums = kPanels * kVecs;
  constexpr size_t kStep = size_t{4} * kLanes;  // bytes of a group of four columns
  const size_t stride = int8_panel_bytes(g.k);
  const std::byte* first = panel_of(g, panel);
  Int8::Sum sum[kRows][kSums];
  TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
    const auto* correction = reinterpret_cast<const int32_t*>(
        first + static_cast<size_t>(v / kVecs) * stride + kLanes * sizeof(float));
    TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) sum[r][v] =
        Int8::start(correction + v % kVecs * Isa::kWidth);
  }
  const uint8_t* a = g.a + static_cast<size_t>(row) * g.lda;
  const auto* w = reinterpret_cast<const int8_t*>(first + kInt8Header);
  const size_t groups = int8_row_bytes(g.k) / 4;
  for (size_t k = 0; k < groups; ++k, w += kStep, a += 4) {
    if constexpr (kAsks) {
      TRANSEPT_UNROLL for (size_t p = 0; p < kPanels; ++p) ask(ahead, k, p * stride);
    }
    TRANSEPT_UNROLL for (int v = 0; v < kSums; ++v) {
      const Int8::Weights weight =
          Int8::load(w + static_cast<size_t>(v / kVecs) * stride + v % kVecs * 4 * Isa::kWidth);
      TRANSEPT_UNROLL for (int r = 0; r < kRows; ++r) {
        const Int8::Acts x = Int8::splat(a + static_cast<size_t>(r) * g.lda);
        sum[r][v] = Int8::dot(sum[r][v], x, weight);
      }
    }
  }
  finish_i8<kRows, kPanels>(g, row, panel, first, stride, sum);
}

template <int kRows, bool kAsks, int kPanels = Int8::kPanelsForRows[kRows]>
void strip_i8(const GemmI8& g, int row, int begin, int end, const Pass& pass) {
  constexpr bool kAsking =
      kAsks && kRows >= Isa::kLeastRowsAhead && kPanels <= Isa::kMostPanelsAhead;
  for (; begin + kPanels <= end; begin += kPanels) {
    const Ahead ahead = pass.ahead(panel_of(g, begin), kPanels, int8_panel_bytes(g.k),
                                   int8_row_bytes(g.k) / 4, size_t{4} * kLanes);
    tile_i8<kRows, kPanels, kAsking>(g, row, begin, ahead);
  }
  if constexpr (kPanels > 1) strip_i8<kRows, kAsks, kPanels - 1>(g, row, begin, end, pass);
}

template <int kRows = Int8::kMostRows>
void strip_of_i8(int rows, const GemmI8& g, int row, int begin, int end, const Pass& pass) {
  if (rows == kRows) {
    return pass.asks() ? strip_i8<kRows, true>(g, row, begin, end, pass)
                       : strip_i8<kRows, false>(g, row, begin, end, pass);
  }
  if constexpr (kRows > 1) strip_of_i8<kRows - 1>(rows, g, row, begin, end, pass);
}

// Near-equal strips of at most kMostRows; all go over one group of panels, which stays in the
// second-level cache, before the next.
void gemm_i8(const GemmI8& g, int panel_begin, int panel_end) {
  const int strips = (g.m + Int8::kMostRows - 1) / Int8::kMostRows;
  const int width = Int8::kPanelsForRows[(g.m + strips - 1) / strips];
  const int fit = static_cast<int>(Isa::kGroupBytes / int8_panel_bytes(g.k)) / width * width;
  const int group = strips == 1 ? panel_end - panel_begin : fit > width ? fit : width;
  for (int begin = panel_begin; begin < panel_end; begin += group) {
    const int end = begin + group < panel_end ? begin + group : panel_end;
    for (int s = 0, row = 0; s < strips; ++s) {
      const int left = strips - s;
      const int rows = (g.m - row + left - 1) / left;
      strip_of_i8(rows, g, row, begin, end, {s, strips, group});
      row += rows;
    }
  }
}

// As many independent sums as keep the units busy, and no register is spilled.
int64_t spin_i8(int64_t rounds) {
  constexpr int kSums = Int8::kSpinSums;
  alignas(64) int8_t weights[4 * kLanes];
  alignas(64) int32_t zero[kLanes] = {};
  volatile int8_t start = 3;  // so that nothing is computed while compiling
  for (int8_t& w : weights) w = start;
  const auto* acts = reinterpret_cast<const uint8_t*>(weights);
  const Int8::Weights w = Int8::load(weights);
  Int8::Acts x = Int8::splat(acts);
  Int8::Sum sum[kSums];  // indices known while compiling: else it would live in memory
  TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) sum[i] = Int8::start(zero);
  for (int64_t round = 0; round < rounds; ++round) {
    TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) {
      Int8::opaque(x);  // or the compiler computes the product once
      sum[i] = Int8::dot(sum[i], x, w);
    }
  }
  float out[Isa::kWidth];
  TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) {
    Isa::store(out, Int8::to_float(sum[i]));
    start = static_cast<int8_t>(static_cast<int>(out[0]) & 0x7F);
  }
  return rounds * kSums * Isa::kWidth * 4 * 2;
}
