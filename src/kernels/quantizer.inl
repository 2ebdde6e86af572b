// What quantize_row makes of the largest magnitude of a row. Included inside an unnamed namespace.

struct Quantizer {
  float scale;    // of the integers
  float inverse;  // 1 / scale, or 0: every integer is 0
};

// `largest`: the bits of the largest |x|, which order like the values, NaN above infinity.
inline Quantizer quantizer_for(uint32_t largest) {
  constexpr uint32_t kInfinityBits = 0x7F800000u;
  constexpr uint32_t kLeastBits = 0x0D800000u;  // 2^-100: below it the inverse might overflow
  if (largest >= kInfinityBits) return {std::numeric_limits<float>::quiet_NaN(), 0.0f};
  if (largest < kLeastBits) return {0.0f, 0.0f};
  const auto size = std::bit_cast<float>(largest);
  return {size / 127.0f, 127.0f / size};
}
