// AVX2 and FMA: 8 floats in a register, 16 registers. Included inside an unnamed namespace and a
// target region.

alignas(32) constexpr int32_t kMask8[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct Avx2 {
  using Vec = __m256;
  static constexpr int kWidth = 8;
  // Tiles: at least 8 independent sums to hide the latency of an FMA, at most 12 to stay in 16
  // registers.
  static constexpr int kMostRows = 6;
  static constexpr int kPanelsForRows[kMostRows + 1] = {0, 4, 2, 2, 1, 1, 1};
  static constexpr int kGroupBytes = 1 << 18;
  // Of ahead.inl, measured: tiles that read several streams are better off without.
  static constexpr int kMostPanelsAhead = 1;
  static constexpr int kLeastRowsAhead = 3;
  static constexpr size_t kLinesAhead = 4;
  static constexpr int kAheadCache = 2;  // the second level

  // Not 0 in the first `count` lanes.
  TRANSEPT_INLINE static __m256i mask(int count) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask8 + 8 - count));
  }
  TRANSEPT_INLINE static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  TRANSEPT_INLINE static Vec load_bf16(const uint16_t* p) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  TRANSEPT_INLINE static Vec load_i8(const int8_t* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  }
  TRANSEPT_INLINE static void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  TRANSEPT_INLINE static Vec load_first(const float* p, int count) {
    return _mm256_maskload_ps(p, mask(count));
  }
  TRANSEPT_INLINE static void store_first(float* p, Vec v, int count) {
    _mm256_maskstore_ps(p, mask(count), v);
  }
  TRANSEPT_INLINE static Vec keep_first(Vec v, int count, Vec other) {
    return _mm256_blendv_ps(other, v, _mm256_castsi256_ps(mask(count)));
  }
  TRANSEPT_INLINE static Vec splat(float x) { return _mm256_set1_ps(x); }
  TRANSEPT_INLINE static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  TRANSEPT_INLINE static Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  TRANSEPT_INLINE static Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  TRANSEPT_INLINE static Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
  TRANSEPT_INLINE static Vec sqrt(Vec a) { return _mm256_sqrt_ps(a); }
  TRANSEPT_INLINE static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  TRANSEPT_INLINE static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  TRANSEPT_INLINE static Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }

  // x * 2^n for t = kRoundMagic + n, in two steps (see reference.cpp).
  TRANSEPT_INLINE static Vec times_two_to(Vec x, Vec t) {
    const __m256i n =
        _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_castps_si256(_mm256_set1_ps(kRoundMagic)));
    const __m256i half = _mm256_srai_epi32(n, 1);
    x = _mm256_mul_ps(x, power_of_two(half));
    return _mm256_mul_ps(x, power_of_two(_mm256_sub_epi32(n, half)));
  }
  TRANSEPT_INLINE static Vec power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }

  TRANSEPT_INLINE static float sum(const Vec (&v)[2]) { return sum8(_mm256_add_ps(v[0], v[1])); }
  TRANSEPT_INLINE static float largest(const Vec (&v)[2]) {
    return largest8(_mm256_max_ps(v[0], v[1]));
  }
};
