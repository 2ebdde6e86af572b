// Quantising a row of activations: bound by memory, so 8 floats at a time do for every x86 table.
// Included inside an unnamed namespace and a target region, after quantizer.inl.

// The bits of the largest magnitude.
TRANSEPT_INLINE uint32_t largest_bits(const float* x, int k) {
  const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
  __m256i most = _mm256_setzero_si256();
  int i = 0;
  for (; i + 8 <= k; i += 8) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
    most = _mm256_max_epi32(most, _mm256_and_si256(bits, magnitude));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), most);
  uint32_t largest = 0;
  for (const uint32_t lane : lanes) largest = lane > largest ? lane : largest;
  for (; i < k; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFu;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

// Eight values, rounded to integers.
TRANSEPT_INLINE __m256i rounded8(const float* x, __m256 inverse) {
  const __m256 magic = _mm256_set1_ps(kRoundMagic);
  const __m256 t = _mm256_fmadd_ps(_mm256_loadu_ps(x), inverse, magic);
  return _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_castps_si256(magic));
}

void quantize_row(const float* x, int k, uint8_t* q, float* scale) {
  const Quantizer to = quantizer_for(largest_bits(x, k));
  *scale = to.scale;
  const int size = static_cast<int>(int8_row_bytes(k));
  if (to.inverse == 0.0f) {
    __builtin_memset(q, 0x80, static_cast<size_t>(size));
    return;
  }
  const __m256 inverse = _mm256_set1_ps(to.inverse);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // undoes the packs' halves
  const __m256i zero_point = _mm256_set1_epi8(-128);
  int i = 0;
  for (; i + 32 <= k; i += 32) {
    const __m256i low = _mm256_packs_epi32(rounded8(x + i, inverse), rounded8(x + i + 8, inverse));
    const __m256i high =
        _mm256_packs_epi32(rounded8(x + i + 16, inverse), rounded8(x + i + 24, inverse));
    const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + i), _mm256_xor_si256(bytes, zero_point));
  }
  for (; i < size; ++i) {
    const float t = __builtin_fmaf(i < k ? x[i] : 0.0f, to.inverse, kRoundMagic);
    q[i] = static_cast<uint8_t>(std::bit_cast<uint32_t>(t) ^ 0x80u);
  }
}
