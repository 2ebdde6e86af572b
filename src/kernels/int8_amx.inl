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
  const std::byte* own = g.packed + static_cast<size_t>(panel) * int8_panel_bytes(g.k);
  const size_t size = int8_row_bytes(g.k);
  const size_t whole = size / kTileBytes * kTileBytes;
  const int n = panel * kLanes;
  const __mmask16 outputs = Isa::mask(g.n - n < kLanes ? g.n - n : kLanes);
  const __m512 scale = Isa::load(reinterpret_cast<const float*>(own));
  const __m512i correction =
      Int8Vnni::start(reinterpret_cast<const int32_t*>(own + kLanes * sizeof(float)));
  const auto* weights = reinterpret_cast<const int8_t*>(own + kInt8Header);
  const bool has_bias = g.bias != nullptr;
  const __m512 bias = has_bias ? _mm512_maskz_loadu_ps(outputs, g.bias + n) : Isa::splat(0.0f);
  const uint8_t* a = g.a + static_cast<size_t>(row) * g.lda;
  float* y = g.y + static_cast<size_t>(row) * g.ldy + n;
  for (int r = 0; r < rows; ++r, a += g.lda, y += g.ldy) {
    __m512i sum = _mm512_add_epi32(_mm512_load_si512(sums + r * kLanes), correction);
    for (size_t k = whole; k < size; k += 4)
      sum = Int8Vnni::dot(sum, Int8Vnni::splat(a + k), Int8Vnni::load(weights + k * kLanes));
    __m512 out = Isa::mul(Int8Vnni::to_float(sum), Isa::mul(Isa::splat(g.a_scale[row + r]), scale));
    if (has_bias) out = Isa::add(out, bias);
    _mm512_mask_storeu_ps(y, outputs, out);
  }
}

// A share of the lines of the panels that come after these: [first, first + count) of the
// kPanels x 16 lines of every step.
struct Share {
  int first;
  int count;
};

// kParts x 16 rows times kPanels panels.
template <int kParts, int kPanels>
TRANSEPT_INLINE void tile_amx(const GemmI8& g, int row, int rows, int upper, int panel,
                              Share share) {
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
    const auto next = reinterpret_cast<uintptr_t>(w) + kPanels * stride;
    for (int line = share.first; line < share.first + share.count; ++line) {
      const size_t at = static_cast<size_t>(line);
      __builtin_prefetch(reinterpret_cast<const void*>(next + at / kTileRows * stride +
                                                       at % kTileRows * kTileBytes),
                         0, 3);
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

template <int kPanels>
TRANSEPT_INLINE void strip_amx(const GemmI8& g, int row, int rows, int upper, int panel,
                               Share share) {
  if (rows > upper) {
    tile_amx<2, kPanels>(g, row, rows, upper, panel, share);
  } else {
    tile_amx<1, kPanels>(g, row, rows, upper, panel, share);
  }
}

// Near-equal strips of at most 32 rows; all go over two panels, which stay in the first-level
// cache, before the next two.
void gemm_amx(const GemmI8& g, int panel_begin, int panel_end) {
  const int strips = (g.m + 2 * kTileRows - 1) / (2 * kTileRows);
  constexpr int kPairLines = 2 * kTileRows;  // of weights in a step
  const int lines = (kPairLines + strips - 1) / strips;
  int configured = 0;
  int upper = 0;
  for (int panel = panel_begin; panel < panel_end; panel += 2) {
    for (int s = 0, row = 0; s < strips; ++s) {
      const int rows = (g.m - row + strips - s - 1) / (strips - s);
      if (rows != configured) upper = configure_tiles(rows);
      configured = rows;
      const int first = s * lines;
      const int left = kPairLines - first;
      const Share share{first, left < 0 ? 0 : left < lines ? left : lines};
      if (panel + 2 <= panel_end) {
        strip_amx<2>(g, row, rows, upper, panel, share);
      } else {
        strip_amx<1>(g, row, rows, upper, panel, share);
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
