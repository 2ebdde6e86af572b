// Random numbers of dropout, with AVX-512. Included inside an unnamed namespace and a target
// region.

TRANSEPT_INLINE __m512i words_of(uint32_t word) {
  return _mm512_set1_epi32(static_cast<int>(word));
}

// The high and the low words of 16 products.
TRANSEPT_INLINE void multiply_words(__m512i x, uint32_t by, __m512i& high, __m512i& low) {
  constexpr __mmask16 kOdd = 0xAAAA;
  const __m512i factor = _mm512_set1_epi64(by);
  const __m512i even = _mm512_mul_epu32(x, factor);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), factor);
  high = _mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), kOdd, odd);
  low = _mm512_mask_mov_epi32(even, kOdd, _mm512_slli_epi64(odd, 32));
}

// Philox4x32-10 (base/rng.h) in 16 lanes: words[w][lane] of the counters {first + lane, …}.
void philox_lanes(const DropoutRow& row, uint32_t first, uint32_t (&words)[4][kLanes]) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i w0 = _mm512_add_epi32(words_of(first), lanes);
  __m512i w1 = words_of(row.position);
  __m512i w2 = words_of(row.example);
  __m512i w3 = words_of(row.place);
  uint32_t key0 = row.key[0];
  uint32_t key1 = row.key[1];
  for (int round = 0; round < 10; ++round) {
    __m512i a_high, a_low, b_high, b_low;
    multiply_words(w0, 0xD2511F53u, a_high, a_low);
    multiply_words(w2, 0xCD9E8D57u, b_high, b_low);
    w0 = _mm512_xor_si512(_mm512_xor_si512(b_high, w1), words_of(key0));
    w2 = _mm512_xor_si512(_mm512_xor_si512(a_high, w3), words_of(key1));
    w1 = b_low;
    w3 = a_low;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  _mm512_storeu_si512(words[0], w0);
  _mm512_storeu_si512(words[1], w1);
  _mm512_storeu_si512(words[2], w2);
  _mm512_storeu_si512(words[3], w3);
}
