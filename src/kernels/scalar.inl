// What math.inl needs for float. Included inside an unnamed namespace.

template <class T>
TRANSEPT_INLINE T splat(float value) {
  return value;
}
TRANSEPT_INLINE float fma(float a, float b, float c) {
  return std::fma(a, b, c);
}
TRANSEPT_INLINE float max(float a, float b) {
  return a > b ? a : b;
}
TRANSEPT_INLINE float min(float a, float b) {
  return a < b ? a : b;
}

TRANSEPT_INLINE float power_of_two(int32_t n) {
  return std::bit_cast<float>((static_cast<uint32_t>(n) + 127u) << 23);
}

// x * 2^n for t = kRoundMagic + n, in two steps: results below the normal range come out right.
TRANSEPT_INLINE float times_two_to(float x, float t) {
  const auto n =
      static_cast<int32_t>(std::bit_cast<uint32_t>(t) - std::bit_cast<uint32_t>(kRoundMagic));
  const int32_t half = n >> 1;
  return x * power_of_two(half) * power_of_two(n - half);
}
