// int8 with AVX-512: registers, and the multiplication of BW: AVX2's on twice the width. Included
// inside an unnamed namespace and a target region.

struct Int8Avx512 {
  using Sum = __m512i;
  using Weights = __m512i;
  using Acts = __m512i;
  static constexpr int kMostRows = 8;
  static constexpr int kPanelsForRows[kMostRows + 1] = {0, 4, 4, 4, 4, 4, 4, 3, 3};
  static constexpr int kSpinSums = 4;  // additions take a cycle

  TRANSEPT_INLINE static Sum start(const int32_t* correction) {
    return _mm512_loadu_si512(correction);
  }
  TRANSEPT_INLINE static Weights load(const int8_t* p) { return _mm512_loadu_si512(p); }
  TRANSEPT_INLINE static Acts splat(const uint8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) {
    const __m512i pairs = _mm512_maddubs_epi16(a, w);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  }
  TRANSEPT_INLINE static __m512 to_float(Sum sum) { return _mm512_cvtepi32_ps(sum); }
  TRANSEPT_INLINE static void opaque(Acts& acts) {
#ifdef TRANSEPT_EMULATED
    asm volatile("" : "+m"(acts));
#else
    asm volatile("" : "+v"(acts));
#endif
  }
};
