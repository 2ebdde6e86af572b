// Packing with 8x8 transposes, for every x86 table (bound by memory, so wider registers would not
// help). Included inside an unnamed namespace and a target region.

// Eight rows of 8, ld floats apart -> eight columns of 8, kLanes floats apart.
TRANSEPT_INLINE void transpose_8x8(const float* in, size_t ld, float* out) {
  __m256 r[8];
  TRANSEPT_UNROLL for (size_t i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(in + i * ld);
  __m256 pair[8];  // columns (0 1 4 5), then (2 3 6 7), of two rows interleaved
  TRANSEPT_UNROLL for (int i = 0; i < 4; ++i) {
    pair[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    pair[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  // quad[c]: columns c (low half) and c + 4 (high half) of rows 0-3; quad[c + 4]: of rows 4-7.
  __m256 quad[8];
  TRANSEPT_UNROLL for (int h = 0; h < 2; ++h) {
    TRANSEPT_UNROLL for (int c = 0; c < 2; ++c) {
      const __m256 a = pair[4 * h + c];
      const __m256 b = pair[4 * h + 2 + c];
      quad[4 * h + 2 * c] = _mm256_shuffle_ps(a, b, 0x44);
      quad[4 * h + 2 * c + 1] = _mm256_shuffle_ps(a, b, 0xEE);
    }
  }
  TRANSEPT_UNROLL for (int c = 0; c < 4; ++c) {
    _mm256_storeu_ps(out + c * kLanes, _mm256_permute2f128_ps(quad[c], quad[c + 4], 0x20));
    _mm256_storeu_ps(out + (c + 4) * kLanes, _mm256_permute2f128_ps(quad[c], quad[c + 4], 0x31));
  }
}

// Columns [begin, k) of `rows` rows; the other rows of the panel are zero.
void pack_rest(const float* source, size_t ld, int rows, size_t begin, size_t k, float* out) {
  for (size_t column = begin; column < k; ++column)
    for (int r = 0; r < kLanes; ++r)
      out[column * kLanes + static_cast<size_t>(r)] =
          r < rows ? source[static_cast<size_t>(r) * ld + column] : 0.0f;
}

void pack_f32(const float* source, size_t ld, int n, int k, float* packed, int panel_begin,
              int panel_end) {
  const auto columns = static_cast<size_t>(k);
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    const float* in = source + static_cast<size_t>(panel) * kLanes * ld;
    float* out = packed + static_cast<size_t>(panel) * columns * kLanes;
    const int rows = n - panel * kLanes;
    size_t column = 0;
    if (rows >= kLanes) {
      for (; column + 8 <= columns; column += 8) {
        transpose_8x8(in + column, ld, out + column * kLanes);
        transpose_8x8(in + 8 * ld + column, ld, out + column * kLanes + 8);
      }
    }
    pack_rest(in, ld, rows, column, columns, out);
  }
}
