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

// Block by block of the inner dimension, so that neighbours in memory are read together.
template <bool kRight, bool kColumns>
void pack_pairs(const float* source, size_t ld, int count, int k, uint16_t* blocks, int begin,
                int end) {
  const int n_blocks = pair_blocks(k);
  for (int block = 0; block < n_blocks; ++block) {
    const int i = block * kPairBlock;
    for (int group = begin; group < end; ++group) {
      const int index = group * kLanes;
      Pairs pairs[16];
      if constexpr (kColumns) {
        const float* from = source + static_cast<size_t>(i) * ld + index;
        const __mmask16 columns = first_lanes(count - index);
        for (int p = 0; p < 16; ++p, from += 2 * ld)
          pairs[p] = column_pairs(from, ld, k - i - 2 * p, columns);
      } else {
        const float* from = source + static_cast<size_t>(index) * ld + i;
        for (int r = 0; r < 16; ++r, from += ld)
          pairs[r] = index + r < count ? row_pairs(from, k - i) : _mm512_setzero_si512();
      }
      if constexpr (kRight != kColumns) transpose(pairs);
      uint16_t* out = blocks + (static_cast<size_t>(group) * static_cast<size_t>(n_blocks) +
                                static_cast<size_t>(block)) *
                                   kPairValues;
      for (int r = 0; r < 16; ++r) _mm512_storeu_si512(out + r * kPairBlock, pairs[r]);
    }
  }
}
