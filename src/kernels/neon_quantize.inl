// Quantising a row of activations. Included inside an unnamed namespace, after quantizer.inl.

TRANSEPT_INLINE uint32_t largest_bits(const float* x, int k) {
  uint32x4_t most = vdupq_n_u32(0);
  int i = 0;
  for (; i + 4 <= k; i += 4)
    most = vmaxq_u32(most, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
  uint32_t largest = vmaxvq_u32(most);
  for (; i < k; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFu;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

// Eight values, rounded to integers.
TRANSEPT_INLINE int16x8_t rounded8(const float* x, float32x4_t inverse) {
  const float32x4_t magic = vdupq_n_f32(kRoundMagic);
  const int32x4_t origin = vreinterpretq_s32_f32(magic);
  const int32x4_t low = vreinterpretq_s32_f32(vfmaq_f32(magic, vld1q_f32(x), inverse));
  const int32x4_t high = vreinterpretq_s32_f32(vfmaq_f32(magic, vld1q_f32(x + 4), inverse));
  return vcombine_s16(vmovn_s32(vsubq_s32(low, origin)), vmovn_s32(vsubq_s32(high, origin)));
}

void quantize_row(const float* x, int k, uint8_t* q, float* scale) {
  const Quantizer to = quantizer_for(largest_bits(x, k));
  *scale = to.scale;
  const int size = static_cast<int>(int8_row_bytes(k));
  if (to.inverse == 0.0f) {
    __builtin_memset(q, 0x80, static_cast<size_t>(size));
    return;
  }
  const float32x4_t inverse = vdupq_n_f32(to.inverse);
  int i = 0;
  for (; i + 8 <= k; i += 8) {
    const uint8x8_t bytes = vreinterpret_u8_s8(vmovn_s16(rounded8(x + i, inverse)));
    vst1_u8(q + i, veor_u8(bytes, vdup_n_u8(0x80)));
  }
  for (; i < size; ++i) {
    const float t = __builtin_fmaf(i < k ? x[i] : 0.0f, to.inverse, kRoundMagic);
    q[i] = static_cast<uint8_t>(std::bit_cast<uint32_t>(t) ^ 0x80u);
  }
}
