// NEON: 4 floats in a register, 32 registers. Included inside an unnamed namespace.

struct Neon {
  using Vec = float32x4_t;
  static constexpr int kWidth = 4;
  // Tiles: 6 rows of one panel = 24 sums, 4 weights and one activation are 29 of 32 registers.
  static constexpr int kMostRows = 6;
  static constexpr int kPanelsForRows[kMostRows + 1] = {0, 2, 2, 1, 1, 1, 1};
  static constexpr int kGroupBytes = 1 << 18;
  static constexpr int kMostPanelsAhead = 1;  // of ahead.inl
  static constexpr int kLeastRowsAhead = 3;
  static constexpr size_t kLinesAhead = 4;
  static constexpr int kAheadCache = 2;

  // All ones in the first `count` lanes.
  TRANSEPT_INLINE static uint32x4_t mask(int count) {
    constexpr uint32_t kLane[4] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(kLane), vdupq_n_u32(static_cast<uint32_t>(count)));
  }
  TRANSEPT_INLINE static Vec load(const float* p) { return vld1q_f32(p); }
  TRANSEPT_INLINE static Vec load_bf16(const uint16_t* p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
  }
  TRANSEPT_INLINE static Vec load_i8(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
  }
  TRANSEPT_INLINE static void store(float* p, Vec v) { vst1q_f32(p, v); }
  TRANSEPT_INLINE static Vec load_first(const float* p, int count) {
    float lanes[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int i = 0; i < count; ++i) lanes[i] = p[i];
    return vld1q_f32(lanes);
  }
  TRANSEPT_INLINE static void store_first(float* p, Vec v, int count) {
    float lanes[4];
    vst1q_f32(lanes, v);
    for (int i = 0; i < count; ++i) p[i] = lanes[i];
  }
  TRANSEPT_INLINE static Vec keep_first(Vec v, int count, Vec other) {
    return vbslq_f32(mask(count), v, other);
  }
  TRANSEPT_INLINE static Vec splat(float x) { return vdupq_n_f32(x); }
  TRANSEPT_INLINE static Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
  TRANSEPT_INLINE static Vec sub(Vec a, Vec b) { return vsubq_f32(a, b); }
  TRANSEPT_INLINE static Vec mul(Vec a, Vec b) { return vmulq_f32(a, b); }
  TRANSEPT_INLINE static Vec div(Vec a, Vec b) { return vdivq_f32(a, b); }
  TRANSEPT_INLINE static Vec sqrt(Vec a) { return vsqrtq_f32(a); }
  TRANSEPT_INLINE static Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
  // Not vmaxq and vminq, which treat NaN and signed zeros in another way than a > b ? a : b.
  TRANSEPT_INLINE static Vec max(Vec a, Vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  TRANSEPT_INLINE static Vec min(Vec a, Vec b) { return vbslq_f32(vcltq_f32(a, b), a, b); }

  // x * 2^n for t = kRoundMagic + n, in two steps (see scalar.inl).
  TRANSEPT_INLINE static Vec times_two_to(Vec x, Vec t) {
    const int32x4_t n =
        vsubq_s32(vreinterpretq_s32_f32(t), vreinterpretq_s32_f32(vdupq_n_f32(kRoundMagic)));
    const int32x4_t half = vshrq_n_s32(n, 1);
    x = vmulq_f32(x, power_of_two(half));
    return vmulq_f32(x, power_of_two(vsubq_s32(n, half)));
  }
  TRANSEPT_INLINE static Vec power_of_two(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
  }

  // The fixed trees: lanes j and j + 8, + 4, + 2, + 1.
  TRANSEPT_INLINE static float sum(const Vec (&v)[4]) {
    const Vec four = add(add(v[0], v[2]), add(v[1], v[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  TRANSEPT_INLINE static float largest(const Vec (&v)[4]) {
    const Vec four = max(max(v[0], v[2]), max(v[1], v[3]));
    const Vec two = max(four, vextq_f32(four, four, 2));
    return vgetq_lane_f32(max(two, vextq_f32(two, two, 1)), 0);
  }
};
