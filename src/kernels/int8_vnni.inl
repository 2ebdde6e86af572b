// int8 with AVX-512 VNNI: four products and their sum in one instruction. Included inside an
// unnamed namespace and a target region, after int8_avx512.inl.

struct Int8Vnni : Int8Avx512 {
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) {
    return _mm512_dpbusd_epi32(sum, a, w);
  }
};
