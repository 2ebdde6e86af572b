// int8 with NEON. Its products are signed, so activations lose the 128 again and sums start at 0.
// Included inside an unnamed namespace, after quantizer.inl.

struct Int8Neon {
  using Sum = int32x4_t;
  using Weights = int8x16_t;
  using Acts = int8x16_t;
  static constexpr int kMostRows = 6;
  static constexpr int kPanelsForRows[kMostRows + 1] = {0, 2, 2, 1, 1, 1, 1};
  static constexpr int kSpinSums = 4;

  TRANSEPT_INLINE static Sum start(const int32_t*) { return vdupq_n_s32(0); }
  TRANSEPT_INLINE static Weights load(const int8_t* p) { return vld1q_s8(p); }
  TRANSEPT_INLINE static Acts splat(const uint8_t* p) {
    uint32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
  }
  // Two products of 127 * 128 fit in 16 bits.
  TRANSEPT_INLINE static Sum dot(Sum sum, Acts a, Weights w) {
    const int16x8_t pairs = vpaddq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(w)),
                                       vmull_s8(vget_high_s8(a), vget_high_s8(w)));
    return vpadalq_s16(sum, pairs);
  }
  TRANSEPT_INLINE static float32x4_t to_float(Sum sum) { return vcvtq_f32_s32(sum); }
  TRANSEPT_INLINE static void opaque(Acts& acts) { asm volatile("" : "+w"(acts)); }
};
