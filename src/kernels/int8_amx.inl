// The int8 product on the tiles of AMX: 16 rows of 64 bytes times 16 groups of a panel in one
// instruction. Included inside an unnamed namespace and a target region, after lanes.inl and
// int8_vnni.inl.
//
// The compiler does not know which tiles hold what, so they are configured, used and released in
// gemm_amx and what is inlined there. Tiles 0-3 are sums, 4 and 5 rows, 6 and 7 weights.

inline constexpr int kTileRows = 16;
inline constexpr size_t kTileBytes = 64;  // of a row of a tile: 16 groups of four columns

struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t unused[14] = {};
  uint16_t bytes[16] = {};  // of a row
  uint8_t rows[16] = {};
};

// Tiles for `rows` rows of the left operand, at most 32, in two nearly equal parts where more than
// 16. Returns the rows of the first part.
TRANSEPT_INLINE int configure_tiles(int rows) {
  const int upper = rows > kTileRows ? (rows + 1) / 2 : rows;
  TileConfig config;
  for (int t = 0; t < 8; ++t) {
    config.bytes[t] = kTileBytes;
    config.rows[t] = static_cast<uint8_t>(t > 5 ? kTileRows : upper);
  }
  if (rows > upper)
    for (const int t : {2, 3, 5}) config.rows[t] = static_cast<uint8_t>(rows - upper);
  asm volatile("" : : "m"(config));  // GCC 12 believes that _tile_loadconfig reads 8 bytes of it
  _tile_loadconfig(&config);
  return upper;
}

// What the tiles left out: the corrections, the columns beyond a multiple of 64, and the scaling.
TRANSEPT_INLINE void finish_amx(const GemmI8& g, int row, int rows, int panel,
                                const int32_t* sums) {
  const size_t stride = int8_panel_bytes(g.k);
  const std::byte* own = g.packed + static_cast<size_t>(panel) * stride;
  const size_t size = int8_row_bytes(g.k);
  const int n = panel * kLanes;
  const int count = g.n - n;
  const auto* scales = reinterpret_cast<const float*>(own);
  const Lanes scale = load(scales);
  const __m512i correction = Int8Vnni::start(reinterpret_cast<const int32_t*>(scales + kLanes));
  const auto* weights = reinterpret_cast<const int8_t*>(own + kInt8Header);
  Lanes bias = splat<Lanes>(0.0f);
  if (g.bias != nullptr) bias = load_first(g.bias + n, count);
  for (int r = 0; r < rows; ++r) {
    __m512i sum = _mm512_add_epi32(_mm512_load_si512(sums + r * kLanes), correction);
    const uint8_t* a = g.a + static_cast<size_t>(row + r) * g.lda;
    for (size_t k = size / kTileBytes * kTileBytes; k < size; k += 4)
      sum = Int8Vnni::dot(sum, Int8Vnni::splat(a + k), Int8Vnni::load(weights + k * kLanes));
    Lanes out{{Int8Vnni::to_float(sum)}};
    out = out * (splat<Lanes>(g.a_scale[row + r]) * scale);
    if (g.bias != nullptr) out = out + bias;
    store_first(g.y + static_cast<size_t>(row + r) * g.ldy + n, out, count);
  }
}

// kParts x 16 rows times kPanels panels.
template <int kParts, int kPanels>
TRANSEPT_INLINE void tile_amx(const GemmI8& g, int row, int rows, int upper, int panel) {
  alignas(64) int32_t sums[kParts * kPanels][kTileRows * kLanes];
  const size_t stride = int8_panel_bytes(g.k);
  const size_t steps = int8_row_bytes(g.k) / kTileBytes;
  const std::byte* w = g.packed + static_cast<size_t>(panel) * stride + kInt8Header;
  const uint8_t* a = g.a + static_cast<size_t>(row) * g.lda;
  const uint8_t* b = a + static_cast<size_t>(upper) * g.lda;
  _tile_zero(0);
  if constexpr (kPanels > 1) _tile_zero(1);
  if constexpr (kParts > 1) _tile_zero(2);
  if constexpr (kParts > 1 && kPanels > 1) _tile_zero(3);
  for (size_t k = 0; k < steps;
       ++k, w += kTileBytes * kTileRows, a += kTileBytes, b += kTileBytes) {
    _tile_loadd(6, w, kTileBytes);
    _tile_loadd(4, a, g.lda);
    _tile_dpbusd(0, 4, 6);
    if constexpr (kPanels > 1) {
      _tile_loadd(7, w + stride, kTileBytes);
      _tile_dpbusd(1, 4, 7);
    }
    if constexpr (kParts > 1) {
      _tile_loadd(5, b, g.lda);
      _tile_dpbusd(2, 5, 6);
      if constexpr (kPanels > 1) _tile_dpbusd(3, 5, 7);
    }
  }
  _tile_stored(0, sums[0], kTileBytes);
  finish_amx(g, row, upper, panel, sums[0]);
  if constexpr (kPanels > 1) {
    _tile_stored(1, sums[1], kTileBytes);
    finish_amx(g, row, upper, panel + 1, sums[1]);
  }
  if constexpr (kParts > 1) {
    _tile_stored(2, sums[kPanels], kTileBytes);
    finish_amx(g, row + upper, rows - upper, panel, sums[kPanels]);
    if constexpr (kPanels > 1) {
      _tile_stored(3, sums[3], kTileBytes);
      finish_amx(g, row + upper, rows - upper, panel + 1, sums[3]);
    }
  }
}

template <int kParts>
TRANSEPT_INLINE void strip_amx(const GemmI8& g, int row, int rows, int upper, int begin, int end) {
  for (; begin + 2 <= end; begin += 2) tile_amx<kParts, 2>(g, row, rows, upper, begin);
  if (begin < end) tile_amx<kParts, 1>(g, row, rows, upper, begin);
}

// Near-equal strips of at most 32 rows; all go over one group of panels, which stays in the
// second-level cache, before the next.
void gemm_amx(const GemmI8& g, int panel_begin, int panel_end) {
  constexpr size_t kGroupBytes = size_t{1} << 20;
  const int strips = (g.m + 2 * kTileRows - 1) / (2 * kTileRows);
  const int fit = static_cast<int>(kGroupBytes / int8_panel_bytes(g.k)) / 2 * 2;
  const int group = strips == 1 ? panel_end - panel_begin : fit > 2 ? fit : 2;
  for (int begin = panel_begin; begin < panel_end; begin += group) {
    const int end = begin + group < panel_end ? begin + group : panel_end;
    for (int s = 0, row = 0; s < strips; ++s) {
      const int rows = (g.m - row + strips - s - 1) / (strips - s);
      const int upper = configure_tiles(rows);
      if (rows > upper) {
        strip_amx<2>(g, row, rows, upper, begin, end);
      } else {
        strip_amx<1>(g, row, rows, upper, begin, end);
      }
      row += rows;
    }
  }
  _tile_release();
}

// Four independent sums: an instruction takes 16 cycles and starts before the last has ended.
int64_t spin_amx(int64_t rounds) {
  configure_tiles(2 * kTileRows);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t round = 0; round < rounds; ++round) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
  return rounds * 4 * kTileRows * kLanes * static_cast<int64_t>(kTileBytes) * 2;
}
