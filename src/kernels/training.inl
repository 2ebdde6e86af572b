// What only training needs: the backward of the rows and elements of portable.inl, dropout, the
// optimiser. Included inside an unnamed namespace, after portable.inl and one of the philox files.
// What they compute is stated by reference_training.inl.

void norm_backward(const float* x, const float* gain, const float* dy, const float* stats,
                   bool centred, int n, float* dx, float* dgain, float* dshift) {
  const Lanes mean = lanes_of(stats[0]);
  const Lanes rstd = lanes_of(stats[1]);
  Lanes sum = lanes_of(0.0f);
  Lanes product = lanes_of(0.0f);
  for (int i = 0; i < n; i += kLanes) {
    const int count = n - i;
    const Lanes d = load_first(dy + i, count);
    const Lanes normal = (load_first(x + i, count) - mean) * rstd;
    const Lanes scaled = d * load_first(gain + i, count);
    sum = sum + scaled;
    product = fma(scaled, normal, product);
    if (dgain != nullptr)
      store_first(dgain + i, fma(d, normal, load_first(dgain + i, count)), count);
    if (dshift != nullptr) store_first(dshift + i, load_first(dshift + i, count) + d, count);
  }
  const Lanes centre = lanes_of(centred ? Isa::sum(sum.v) / static_cast<float>(n) : 0.0f);
  const Lanes along = lanes_of(-(Isa::sum(product.v) / static_cast<float>(n)));
  for (int i = 0; i < n; i += kLanes) {
    const int count = n - i;
    const Lanes normal = (load_first(x + i, count) - mean) * rstd;
    const Lanes scaled = load_first(dy + i, count) * load_first(gain + i, count);
    const Lanes out = fma(normal, along, scaled - centre);
    store_first(dx + i, fma(out, rstd, load_first(dx + i, count)), count);
  }
}

void softmax_backward(const float* p, int n, float* dp) {
  Lanes product = lanes_of(0.0f);
  for (int i = 0; i < n; i += kLanes)
    product = fma(load_first(p + i, n - i), load_first(dp + i, n - i), product);
  const Lanes total = lanes_of(Isa::sum(product.v));
  for (int i = 0; i < n; i += kLanes) {
    const Lanes out = load_first(p + i, n - i) * (load_first(dp + i, n - i) - total);
    store_first(dp + i, out, n - i);
  }
}

void softmax_gradient(float largest, float log_sum, float factor, float offset, int n, float* x) {
  const Lanes top = lanes_of(largest);
  const Lanes log = lanes_of(log_sum);
  for (int i = 0; i < n; i += kLanes) {
    const Lanes p = exp_of(load_first(x + i, n - i) - top - log);
    store_first(x + i, (p - lanes_of(offset)) * lanes_of(factor), n - i);
  }
}

// dx = act'(x) * dy; with `up`: dx = act'(x) * up * dy and dup = act(x) * dy.
template <ActivationKind kind>
void activate_backward_as(const float* x, const float* up, const float* dy, int64_t n, float* dx,
                          float* dup) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Lanes in = load_first(x + i, n - i);
    const Lanes d = load_first(dy + i, n - i);
    Lanes out = activation_slope<kind>(in) * d;
    if (up != nullptr) {
      out = out * load_first(up + i, n - i);
      store_first(dup + i, activation_of<kind>(in) * d, n - i);
    }
    store_first(dx + i, out, n - i);
  }
}

void activate_gated_backward(ActivationKind kind, const float* gate, const float* up,
                             const float* dy, int64_t n, float* dgate, float* dup) {
  switch (kind) {
    case ActivationKind::relu:
      return activate_backward_as<ActivationKind::relu>(gate, up, dy, n, dgate, dup);
    case ActivationKind::gelu_erf:
      return activate_backward_as<ActivationKind::gelu_erf>(gate, up, dy, n, dgate, dup);
    case ActivationKind::gelu_tanh:
      return activate_backward_as<ActivationKind::gelu_tanh>(gate, up, dy, n, dgate, dup);
    case ActivationKind::silu:
      return activate_backward_as<ActivationKind::silu>(gate, up, dy, n, dgate, dup);
    case ActivationKind::tanh:
      return activate_backward_as<ActivationKind::tanh>(gate, up, dy, n, dgate, dup);
  }
}

void activate_backward(ActivationKind kind, const float* x, const float* dy, int64_t n, float* dx) {
  activate_gated_backward(kind, x, nullptr, dy, n, dx, nullptr);
}

void dropout(const DropoutRow& row, const float* x, int n, float* y) {
  constexpr int kBlock = 8 * kLanes;  // elements of one call
  const auto scale = std::bit_cast<uint32_t>(row.scale);
  for (int begin = 0; begin < n; begin += kBlock) {
    uint32_t words[4][kLanes];
    philox_lanes(row, static_cast<uint32_t>(begin / kBlock * kLanes), words);
    for (int part = 0; part < 8 && begin + part * kLanes < n; ++part) {
      // The bits of the scale, or none: without a branch, which would be guessed wrong often.
      float factor[kLanes];
      const uint32_t(&own)[kLanes] = words[part / 2];
      const int shift = part % 2 * 16;
      for (int lane = 0; lane < kLanes; ++lane) {
        const auto below = static_cast<int32_t>((own[lane] >> shift & 0xFFFFu) - row.threshold);
        factor[lane] = std::bit_cast<float>(~static_cast<uint32_t>(below >> 31) & scale);
      }
      const int i = begin + part * kLanes;
      store_first(y + i, load_first(x + i, n - i) * load(factor), n - i);
    }
  }
}

float sum_of(const float* x, int64_t n) {
  Lanes total = lanes_of(0.0f);
  for (int64_t i = 0; i < n; i += kLanes) total = total + load_first(x + i, n - i);
  return Isa::sum(total.v);
}

float sum_squares(const float* x, int64_t n) {
  Lanes total = lanes_of(0.0f);
  for (int64_t i = 0; i < n; i += kLanes) {
    const Lanes v = load_first(x + i, n - i);
    total = fma(v, v, total);
  }
  return Isa::sum(total.v);
}

// Four lines of a row at a time, so that memory is read in runs.
void add_rows(const float* x, size_t ld, int rows, int n, float* y) {
  constexpr int kRun = 4;
  int i = 0;
  for (; i + kRun * kLanes <= n; i += kRun * kLanes) {
    Lanes total[kRun];
    TRANSEPT_UNROLL for (int j = 0; j < kRun; ++j) total[j] = load(y + i + j * kLanes);
    for (int r = 0; r < rows; ++r) {
      const float* row = x + static_cast<size_t>(r) * ld + i;
      TRANSEPT_UNROLL for (int j = 0; j < kRun; ++j) total[j] = total[j] + load(row + j * kLanes);
    }
    TRANSEPT_UNROLL for (int j = 0; j < kRun; ++j) store(y + i + j * kLanes, total[j]);
  }
  for (; i < n; i += kLanes) {
    Lanes total = load_first(y + i, n - i);
    for (int r = 0; r < rows; ++r)
      total = total + load_first(x + static_cast<size_t>(r) * ld + i, n - i);
    store_first(y + i, total, n - i);
  }
}

void adamw(const AdamWStep& step, const float* gradient, int64_t n, float* parameter, float* mean,
           float* square) {
  const Lanes new_mean = lanes_of(1.0f - step.beta1);
  const Lanes new_square = lanes_of(1.0f - step.beta2);
  for (int64_t i = 0; i < n; i += kLanes) {
    const Lanes g = load_first(gradient + i, n - i) * lanes_of(step.gradient_scale);
    Lanes m = load_first(mean + i, n - i);
    Lanes s = load_first(square + i, n - i);
    m = fma(g - m, new_mean, m);
    s = fma(fma(g, g, lanes_of(0.0f) - s), new_square, s);
    const Lanes size = fma(sqrt_of(s), lanes_of(step.square_scale), lanes_of(step.eps));
    const Lanes kept = load_first(parameter + i, n - i) * lanes_of(step.keep);
    store_first(parameter + i, kept - lanes_of(step.rate) * m / size, n - i);
    store_first(mean + i, m, n - i);
    store_first(square + i, s, n - i);
  }
}

void move_average(float rate, const float* x, int64_t n, float* average) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Lanes old = load_first(average + i, n - i);
    store_first(average + i, fma(load_first(x + i, n - i) - old, lanes_of(rate), old), n - i);
  }
}
