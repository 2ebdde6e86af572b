// AVX-512 F: 16 floats in a register, 32 registers. Included inside an unnamed namespace and a
// target region.

struct Avx512 {
  using Vec = __m512;
  static constexpr int kWidth = 16;
  // Tiles: 24 sums, 3 or 4 weights and one activation are 28 or 29 of 32 registers.
  static constexpr int kMostRows = 8;
  static constexpr int kPanelsForRows[kMostRows + 1] = {0, 4, 4, 4, 4, 4, 4, 3, 3};
  static constexpr int kGroupBytes = 0;       // one tile's panels (measured)
  static constexpr int kMostPanelsAhead = 4;  // of ahead.inl
  static constexpr int kLeastRowsAhead = 1;
  static constexpr size_t kLinesAhead = 16;
  static constexpr int kAheadCache = 3;  // the first level

  TRANSEPT_INLINE static __mmask16 mask(int count) {
    return static_cast<__mmask16>((1u << count) - 1u);
  }
  TRANSEPT_INLINE static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  TRANSEPT_INLINE static Vec load_bf16(const uint16_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  TRANSEPT_INLINE static Vec load_i8(const int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
  }
  TRANSEPT_INLINE static void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  TRANSEPT_INLINE static Vec load_first(const float* p, int count) {
    return _mm512_maskz_loadu_ps(mask(count), p);
  }
  TRANSEPT_INLINE static void store_first(float* p, Vec v, int count) {
    _mm512_mask_storeu_ps(p, mask(count), v);
  }
  TRANSEPT_INLINE static Vec keep_first(Vec v, int count, Vec other) {
    return _mm512_mask_blend_ps(mask(count), other, v);
  }
  TRANSEPT_INLINE static Vec splat(float x) { return _mm512_set1_ps(x); }
  TRANSEPT_INLINE static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  TRANSEPT_INLINE static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  TRANSEPT_INLINE static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  TRANSEPT_INLINE static Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  TRANSEPT_INLINE static Vec sqrt(Vec a) { return _mm512_sqrt_ps(a); }
  TRANSEPT_INLINE static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  TRANSEPT_INLINE static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  TRANSEPT_INLINE static Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }

  // x * 2^n for t = kRoundMagic + n, in two steps (see scalar.inl).
  TRANSEPT_INLINE static Vec times_two_to(Vec x, Vec t) {
    const __m512i n =
        _mm512_sub_epi32(_mm512_castps_si512(t), _mm512_castps_si512(_mm512_set1_ps(kRoundMagic)));
    const __m512i half = _mm512_srai_epi32(n, 1);
    x = _mm512_mul_ps(x, power_of_two(half));
    return _mm512_mul_ps(x, power_of_two(_mm512_sub_epi32(n, half)));
  }
  TRANSEPT_INLINE static Vec power_of_two(__m512i n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
  }

  // Lanes 8-15. (The double form is in AVX-512 F, the float form is not.)
  TRANSEPT_INLINE static __m256 high_half(Vec v) {
    return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
  }
  TRANSEPT_INLINE static float sum(const Vec (&v)[1]) {
    return sum8(_mm256_add_ps(_mm512_castps512_ps256(v[0]), high_half(v[0])));
  }
  TRANSEPT_INLINE static float largest(const Vec (&v)[1]) {
    return largest8(_mm256_max_ps(_mm512_castps512_ps256(v[0]), high_half(v[0])));
  }
};
