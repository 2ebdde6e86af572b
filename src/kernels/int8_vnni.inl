// int8 with AVX-512 VNNI: four products and their sum in one instruction. Included inside an
// unnamed namespace and a target region, after int8_avx512.inl.

struct Int8Vnni : Int8Avx512 {
  static constexpr int kSpinSums = 12;  // two units, five cycles
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) {
#ifdef TRANSEPT_EMULATED
    return _mm512_dpbusd_epi32(sum, a, w);
#else
    // The operand says that the sum stays where it is: of the intrinsic, GCC 12 makes copies of all
    // sums in memory (half the speed).
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(w));
    return sum;
#endif
  }
};
