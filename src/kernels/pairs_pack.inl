// From f32 to blocks of bf16 pairs (pairs.h), with AVX-512 BF16. Included inside an unnamed
// namespace and a target region.

using Pairs = __m512i;  // 16 pairs of bf16

TRANSEPT_INLINE __mmask16 first_lanes(int count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
}

// The bf16 of `low`, then those of `high`.
TRANSEPT_INLINE Pairs to_bf16(__m512 low, __m512 high) {
  return reinterpret_cast<Pairs>(_mm512_cvtne2ps_pbh(high, low));
}

// 32 values of a row: 16 pairs of neighbours.
TRANSEPT_INLINE Pairs row_pairs(const float* p, int count) {
  if (count >= kPairBlock) return to_bf16(_mm512_loadu_ps(p), _mm512_loadu_ps(p + 16));
  return to_bf16(_mm512_maskz_loadu_ps(first_lanes(count), p),
                 _mm512_maskz_loadu_ps(first_lanes(count - 16), p + 16));
}

// 16 columns of two rows: a pair of each column.
TRANSEPT_INLINE Pairs column_pairs(const float* p, size_t ld, int rows, __mmask16 columns) {
  const __m512 zero = _mm512_setzero_ps();
  const __m512 even = rows > 0 ? _mm512_maskz_loadu_ps(columns, p) : zero;
  const __m512 odd = rows > 1 ? _mm512_maskz_loadu_ps(columns, p + ld) : zero;
  alignas(64) static constexpr uint16_t kOrder[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                      21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                      11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), to_bf16(even, odd));
}

// 16 rows of 16 pairs become 16 columns of them.
TRANSEPT_INLINE void transpose(Pairs (&r)[16]) {
  Pairs t[16];
  TRANSEPT_UNROLL for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  TRANSEPT_UNROLL for (int i = 0; i < 4; ++i) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  // r[4 i + c]: columns c, c + 4, c + 8, c + 12 of rows 4 i to 4 i + 3, a quarter each.
  TRANSEPT_UNROLL for (int c = 0; c < 4; ++c) {
    t[c] = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88);
    t[4 + c] = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
    t[8 + c] = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xDD);
    t[12 + c] = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xDD);
  }
  TRANSEPT_UNROLL for (int c = 0; c < 4; ++c) {
    r[c] = _mm512_shuffle_i32x4(t[c], t[4 + c], 0x88);
    r[8 + c] = _mm512_shuffle_i32x4(t[c], t[4 + c], 0xDD);
    r[4 + c] = _mm512_shuffle_i32x4(t[8 + c], t[12 + c], 0x88);
    r[12 + c] = _mm512_shuffle_i32x4(t[8 + c], t[12 + c], 0xDD);
  }
}

TRANSEPT_INLINE void store_block(const Pairs (&pairs)[16], uint16_t* block) {
  for (int r = 0; r < 16; ++r) _mm512_storeu_si512(block + r * kPairBlock, pairs[r]);
}

// Row by row, each along its length.
void pack_left_rows(const float* source, size_t ld, int count, int k, uint16_t* blocks, int begin,
                    int end) {
  for (int index = begin * kLanes; index < end * kLanes; ++index) {
    const float* from = source + static_cast<size_t>(index) * ld;
    uint16_t* out =
        blocks +
        static_cast<size_t>(index / kLanes) * static_cast<size_t>(pair_blocks(k)) * kPairValues +
        index % kLanes * kPairBlock;
    for (int i = 0; i < k; i += kPairBlock, out += kPairValues) {
      _mm512_storeu_si512(out, index < count ? row_pairs(from + i, k - i) : _mm512_setzero_si512());
    }
  }
}

void pack_right_rows(const float* source, size_t ld, int count, int k, uint16_t* blocks, int begin,
                     int end) {
  uint16_t* out =
      blocks + static_cast<size_t>(begin) * static_cast<size_t>(pair_blocks(k)) * kPairValues;
  for (int index = begin * kLanes; index < end * kLanes; index += kLanes) {
    for (int i = 0; i < k; i += kPairBlock, out += kPairValues) {
      const float* from = source + static_cast<size_t>(index) * ld + i;
      Pairs pairs[16];
      for (int r = 0; r < 16; ++r, from += ld)
        pairs[r] = index + r < count ? row_pairs(from, k - i) : _mm512_setzero_si512();
      transpose(pairs);
      store_block(pairs, out);
    }
  }
}

template <bool kLeft>
void pack_columns(const float* source, size_t ld, int count, int k, uint16_t* blocks, int begin,
                  int end) {
  constexpr int kAhead = 4 * kLanes;  // columns: the processor does not follow 32 rows by itself
  const size_t group = static_cast<size_t>(pair_blocks(k)) * kPairValues;
  for (int block = begin; block < end; ++block) {
    const int i = block * kPairBlock;
    uint16_t* out = blocks + static_cast<size_t>(block) * kPairValues;
    for (int index = 0; index < count; index += kLanes, out += group) {
      const float* from = source + static_cast<size_t>(i) * ld + index;
      const __mmask16 columns = first_lanes(count - index);
      Pairs pairs[16];
      for (int p = 0; p < 16; ++p, from += 2 * ld) {
        _mm_prefetch(reinterpret_cast<const char*>(from + kAhead), _MM_HINT_T1);
        _mm_prefetch(reinterpret_cast<const char*>(from + ld + kAhead), _MM_HINT_T1);
        pairs[p] = column_pairs(from, ld, k - i - 2 * p, columns);
      }
      if constexpr (kLeft) transpose(pairs);
      store_block(pairs, out);
    }
  }
}
