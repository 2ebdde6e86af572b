// int8 with AVX2: vpmaddubsw multiplies unsigned activations by signed weights and adds neighbours
// in 16 bits, which the limit of int8.h keeps from saturating. Included inside an unnamed namespace
// and a target region.

struct Int8Avx2 {
  using Sum = __m256i;
  using Weights = __m256i;
  using Acts = __m256i;
  // Four rows of one panel run at the speed of the multipliers; six need every register, and are
  // slower (measured).
  static constexpr int kMostRows = 4;
  static constexpr int kPanelsForRows[kMostRows + 1] = {0, 4, 2, 1, 1};
  static constexpr int kSpinSums = 4;  // additions take a cycle

  TRANSEPT_INLINE static Sum start(const int32_t* correction) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(correction));
  }
  TRANSEPT_INLINE static Weights load(const int8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  TRANSEPT_INLINE static Acts splat(const uint8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) {
    const __m256i pairs = _mm256_maddubs_epi16(a, w);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  TRANSEPT_INLINE static __m256 to_float(Sum sum) { return _mm256_cvtepi32_ps(sum); }
  TRANSEPT_INLINE static void opaque(Acts& acts) { asm volatile("" : "+x"(acts)); }
};
