// Loops that measure the machine: multiply-adds on registers alone, and reading memory. Included
// inside an unnamed namespace, after lanes.inl.

// Twelve independent sums: enough for two FMA units of latency four to six.
int64_t spin_fma(int64_t rounds) {
  constexpr int kSums = 12;
  volatile float start = 1.0f;  // so that nothing is computed while compiling
  const Isa::Vec x = Isa::splat(start * 0.999f);
  const Isa::Vec y = Isa::splat(start * 0.001f);
  Isa::Vec sum[kSums];
  for (int i = 0; i < kSums; ++i) sum[i] = Isa::splat(start);
  for (int64_t round = 0; round < rounds; ++round) {
    TRANSEPT_UNROLL for (int i = 0; i < kSums; ++i) sum[i] = Isa::fma(sum[i], x, y);
  }
  for (int i = 1; i < kSums; ++i) sum[0] = Isa::add(sum[0], sum[i]);
  float out[Isa::kWidth];
  Isa::store(out, sum[0]);
  start = out[0];
  return rounds * kSums * Isa::kWidth * 2;
}

// Four streams, as in a product of one row.
float read_all(const float* x, size_t n) {
  const size_t part = n / 4 / kLanes * kLanes;
  Lanes sum[4];
  for (Lanes& s : sum) s = splat<Lanes>(0.0f);
  for (size_t i = 0; i < part; i += kLanes) {
    TRANSEPT_UNROLL for (size_t j = 0; j < 4; ++j) sum[j] = max(load(x + j * part + i), sum[j]);
  }
  return Isa::largest(max(max(sum[0], sum[1]), max(sum[2], sum[3])).v);
}
