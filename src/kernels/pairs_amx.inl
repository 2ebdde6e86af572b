// Products of bf16 pairs with AMX: tiles of 16 x 16 sums, two strips by two panels at a time.
// Included inside an unnamed namespace and a target region, after pairs_pack.inl.
//
// The compiler does not know which tiles hold what, so they are configured, used and released in
// one function and what is inlined there.

// All eight whole: 16 rows of 64 bytes.
TRANSEPT_INLINE void configure_tiles() {
  struct alignas(64) Config {
    uint8_t palette = 1;
    uint8_t start_row = 0;
    uint8_t unused[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};  // of a row
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  };
  static constexpr Config kConfig;
  _tile_loadconfig(&kConfig);
}

// So many blocks of the inner dimension at a time: 64 KiB of a pair of strips.
inline constexpr int kAmxBlocks = 1024 / kPairBlock;

// The compiler does not know that loading a tile reads memory, and might store later.
TRANSEPT_INLINE void written() {
  asm volatile("" ::: "memory");
}

// Where the sums of a tile begin and end: in y itself, or at its edges in a copy. A tile begins
// with the bias, or with what earlier blocks or an accumulation left in y.
struct Sums {
  float* y;
  size_t ldy;
  int rows;
  __mmask16 columns;
  float* copy;  // [16][16]
  bool whole;

  TRANSEPT_INLINE Sums(const GemmPairs& g, int strip, int panel, float* copy_to)
      : y(g.y + static_cast<size_t>(strip) * kLanes * g.ldy + panel * kLanes),
        ldy(g.ldy),
        rows(g.m - strip * kLanes < kLanes ? g.m - strip * kLanes : kLanes),
        columns(first_lanes(g.n - panel * kLanes)),
        copy(copy_to),
        whole(rows == kLanes && columns == 0xFFFF) {}

  [[nodiscard]] TRANSEPT_INLINE float* data() const { return whole ? y : copy; }
  [[nodiscard]] TRANSEPT_INLINE size_t stride() const {
    return (whole ? ldy : size_t{kLanes}) * sizeof(float);
  }
  // From the values of y, so that a tile can be loaded.
  TRANSEPT_INLINE void load_copy() const {
    for (int r = 0; r < rows && !whole; ++r) {
      const float* row = y + static_cast<size_t>(r) * ldy;
      _mm512_storeu_ps(copy + r * kLanes, _mm512_maskz_loadu_ps(columns, row));
    }
  }
  TRANSEPT_INLINE void store_copy() const {
    for (int r = 0; r < rows && !whole; ++r) {
      float* row = y + static_cast<size_t>(r) * ldy;
      _mm512_mask_storeu_ps(row, columns, _mm512_loadu_ps(copy + r * kLanes));
    }
  }
};

// Macros, because the number of a tile must be written out.
#define TRANSEPT_BEGIN_TILE(tile, sums, shift)           \
  {                                                      \
    if (adds) {                                          \
      (sums).load_copy();                                \
      written();                                         \
      _tile_loadd(tile, (sums).data(), (sums).stride()); \
    } else if (g.bias != nullptr) {                      \
      _tile_loadd(tile, shift, 0); /* for every row */   \
    } else {                                             \
      _tile_zero(tile);                                  \
    }                                                    \
  }
#define TRANSEPT_END_TILE(tile, sums)                   \
  {                                                     \
    _tile_stored(tile, (sums).data(), (sums).stride()); \
    (sums).store_copy();                                \
  }

// Strips [strip, strip + kStrips) by panels [panel, panel + kPanels), blocks [begin, end) of the
// inner dimension. Tiles 0 to 3 are sums, 4 and 5 strips, 6 and 7 panels.
template <int kStrips, int kPanels>
TRANSEPT_INLINE void tile_pairs(const GemmPairs& g, int strip, int panel, int begin, int end) {
  constexpr int kRow = 64;  // bytes
  const auto operand = static_cast<size_t>(pair_blocks(g.k)) * kPairValues;
  const auto from = static_cast<size_t>(begin) * kPairValues;
  const uint16_t* a = g.left + static_cast<size_t>(strip) * operand + from;
  const uint16_t* b = g.right + static_cast<size_t>(panel) * operand + from;
  const bool adds = g.accumulate || begin > 0;
  alignas(64) float copies[4][kLanes * kLanes];
  alignas(64) float bias[2 * kLanes];
  if (g.bias != nullptr && !adds) {
    for (int p = 0; p < kPanels; ++p) {
      const int n = (panel + p) * kLanes;
      _mm512_store_ps(bias + p * kLanes, _mm512_maskz_loadu_ps(first_lanes(g.n - n), g.bias + n));
    }
  }
  written();
  const Sums s0(g, strip, panel, copies[0]);
  const Sums s1(g, strip, panel + kPanels - 1, copies[1]);
  const Sums s2(g, strip + kStrips - 1, panel, copies[2]);
  const Sums s3(g, strip + kStrips - 1, panel + kPanels - 1, copies[3]);
  TRANSEPT_BEGIN_TILE(0, s0, bias)
  if constexpr (kPanels > 1) TRANSEPT_BEGIN_TILE(1, s1, bias + kLanes)
  if constexpr (kStrips > 1) TRANSEPT_BEGIN_TILE(2, s2, bias)
  if constexpr (kStrips > 1 && kPanels > 1) TRANSEPT_BEGIN_TILE(3, s3, bias + kLanes)
  for (int block = begin; block < end; ++block, a += kPairValues, b += kPairValues) {
    _tile_loadd(4, a, kRow);
    _tile_loadd(6, b, kRow);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kPanels > 1) {
      _tile_loadd(7, b + operand, kRow);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kStrips > 1) {
      _tile_loadd(5, a + operand, kRow);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (kStrips > 1 && kPanels > 1) _tile_dpbf16ps(3, 5, 7);
  }
  TRANSEPT_END_TILE(0, s0)
  if constexpr (kPanels > 1) TRANSEPT_END_TILE(1, s1)
  if constexpr (kStrips > 1) TRANSEPT_END_TILE(2, s2)
  if constexpr (kStrips > 1 && kPanels > 1) TRANSEPT_END_TILE(3, s3)
}

#undef TRANSEPT_BEGIN_TILE
#undef TRANSEPT_END_TILE

template <int kStrips>
TRANSEPT_INLINE void strips_pairs(const GemmPairs& g, int strip, int panel, int panel_end,
                                  int begin, int end) {
  for (; panel + 2 <= panel_end; panel += 2) tile_pairs<kStrips, 2>(g, strip, panel, begin, end);
  if (panel < panel_end) tile_pairs<kStrips, 1>(g, strip, panel, begin, end);
}

// All strips go over one group of panels, which stays in the second-level cache, before the next; a
// pair of strips stays in the first, and y is written along its rows.
void gemm_pairs(const GemmPairs& g, int strip_begin, int strip_end, int panel_begin,
                int panel_end) {
  constexpr int kGroupBlocks = 512;  // 512 KiB
  configure_tiles();
  const int blocks = pair_blocks(g.k);
  for (int begin = 0; begin < blocks; begin += kAmxBlocks) {
    const int end = begin + kAmxBlocks < blocks ? begin + kAmxBlocks : blocks;
    const int group = kGroupBlocks / (end - begin);
    for (int first = panel_begin; first < panel_end; first += group) {
      const int last = first + group < panel_end ? first + group : panel_end;
      int strip = strip_begin;
      for (; strip + 2 <= strip_end; strip += 2) strips_pairs<2>(g, strip, first, last, begin, end);
      if (strip < strip_end) strips_pairs<1>(g, strip, first, last, begin, end);
    }
  }
  _tile_release();
}

int64_t spin_pairs(int64_t rounds) {
  alignas(64) static constexpr uint16_t kZeros[kPairValues] = {};
  configure_tiles();
  _tile_loadd(4, kZeros, 64);
  _tile_loadd(6, kZeros, 64);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 6);
    _tile_dpbf16ps(2, 4, 6);
    _tile_dpbf16ps(3, 4, 6);
  }
  _tile_release();
  return rounds * 4 * kLanes * kLanes * kPairBlock * 2;
}
