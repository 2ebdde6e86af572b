// The scalar twins of training.inl and of the transposed products. Included by reference.cpp,
// inside its unnamed namespace.

void pack_columns_f32(const float* source, size_t ld, int n, int k, float* packed, int panel_begin,
                      int panel_end) {
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    float* out = packed + static_cast<size_t>(panel) * static_cast<size_t>(k) * kLanes;
    for (int i = 0; i < k; ++i)
      for (int row = panel * kLanes; row < (panel + 1) * kLanes; ++row)
        *out++ = row < n ? source[static_cast<size_t>(i) * ld + static_cast<size_t>(row)] : 0.0f;
  }
}

void pack_strips_f32(const float* source, size_t ld, int m, int k, float* strips) {
  for (int strip = 0; strip < strips_for(m); ++strip)
    for (int i = 0; i < k; ++i)
      for (int row = strip * kStripRows; row < (strip + 1) * kStripRows; ++row)
        *strips++ = row < m ? source[static_cast<size_t>(i) * ld + static_cast<size_t>(row)] : 0.0f;
}

void gemm_strips_f32(const GemmF32& g, int panel_begin, int panel_end) {
  const auto k = static_cast<size_t>(g.k);
  std::vector<float> row(k);
  for (int m = 0; m < g.m; ++m) {
    const float* strip = g.a + static_cast<size_t>(m / kStripRows) * kStripRows * k;
    for (size_t i = 0; i < k; ++i)
      row[i] = strip[i * kStripRows + static_cast<size_t>(m % kStripRows)];
    GemmF32 one = g;
    one.a = row.data();
    one.m = 1;
    one.y = g.y + static_cast<size_t>(m) * g.ldy;
    gemm_f32(one, panel_begin, panel_end);
  }
}

void norm_backward(const float* x, const float* gain, const float* dy, const float* stats,
                   bool centred, int n, float* dx, float* dgain, float* dshift) {
  Partial sum = filled(0.0f);
  Partial product = filled(0.0f);
  for (int i = 0; i < n; ++i) {
    const float normal = (x[i] - stats[0]) * stats[1];
    const float scaled = dy[i] * gain[i];
    const auto lane = static_cast<size_t>(i % kLanes);
    sum[lane] += scaled;
    product[lane] = fma(scaled, normal, product[lane]);
    if (dgain != nullptr) dgain[i] = fma(dy[i], normal, dgain[i]);
    if (dshift != nullptr) dshift[i] += dy[i];
  }
  const float centre = centred ? tree_sum(sum) / static_cast<float>(n) : 0.0f;
  const float along = -(tree_sum(product) / static_cast<float>(n));
  for (int i = 0; i < n; ++i) {
    const float normal = (x[i] - stats[0]) * stats[1];
    dx[i] = fma(fma(normal, along, dy[i] * gain[i] - centre), stats[1], dx[i]);
  }
}

void softmax_backward(const float* p, int n, float* dp) {
  Partial product = filled(0.0f);
  for (int i = 0; i < n; ++i) {
    float& s = product[static_cast<size_t>(i % kLanes)];
    s = fma(p[i], dp[i], s);
  }
  const float total = tree_sum(product);
  for (int i = 0; i < n; ++i) dp[i] = p[i] * (dp[i] - total);
}

void softmax_gradient(float largest, float log_sum, float factor, float offset, int n, float* x) {
  for (int i = 0; i < n; ++i) x[i] = (exp_of(x[i] - largest - log_sum) - offset) * factor;
}

float slope(ActivationKind kind, float x) {
  switch (kind) {
    case ActivationKind::relu:
      return activation_slope<ActivationKind::relu>(x);
    case ActivationKind::gelu_erf:
      return activation_slope<ActivationKind::gelu_erf>(x);
    case ActivationKind::gelu_tanh:
      return activation_slope<ActivationKind::gelu_tanh>(x);
    case ActivationKind::silu:
      return activation_slope<ActivationKind::silu>(x);
    case ActivationKind::tanh:
      return activation_slope<ActivationKind::tanh>(x);
  }
  return x;
}

void activate_backward(ActivationKind kind, const float* x, const float* dy, int64_t n, float* dx) {
  for (int64_t i = 0; i < n; ++i) dx[i] = slope(kind, x[i]) * dy[i];
}

void activate_gated_backward(ActivationKind kind, const float* gate, const float* up,
                             const float* dy, int64_t n, float* dgate, float* dup) {
  for (int64_t i = 0; i < n; ++i) {
    const float d = dy[i];
    dup[i] = activated(kind, gate[i]) * d;
    dgate[i] = slope(kind, gate[i]) * d * up[i];
  }
}

void dropout(const DropoutRow& row, const float* x, int n, float* y) {
  for (int i = 0; i < n; ++i) {
    const auto j = static_cast<uint32_t>(i);
    const std::array<uint32_t, 4> words = philox(
        {j / 128 * 16 + j % 16, row.position, row.example, row.place}, {row.key[0], row.key[1]});
    const uint32_t bits = words[j / 32 % 4] >> (j / 16 % 2 * 16) & 0xFFFFu;
    y[i] = x[i] * (bits >= row.threshold ? row.scale : 0.0f);
  }
}

float sum_of(const float* x, int64_t n) {
  Partial total = filled(0.0f);
  for (int64_t i = 0; i < n; ++i) total[static_cast<size_t>(i % kLanes)] += x[i];
  return tree_sum(total);
}

float sum_squares(const float* x, int64_t n) {
  Partial total = filled(0.0f);
  for (int64_t i = 0; i < n; ++i) {
    float& s = total[static_cast<size_t>(i % kLanes)];
    s = fma(x[i], x[i], s);
  }
  return tree_sum(total);
}

void add_rows(const float* x, size_t ld, int rows, int n, float* y) {
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < n; ++i) y[i] += x[static_cast<size_t>(r) * ld + static_cast<size_t>(i)];
}

void adamw(const AdamWStep& step, const float* gradient, int64_t n, float* parameter, float* mean,
           float* square) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i] * step.gradient_scale;
    mean[i] = fma(g - mean[i], 1.0f - step.beta1, mean[i]);
    square[i] = fma(fma(g, g, 0.0f - square[i]), 1.0f - step.beta2, square[i]);
    const float size = fma(std::sqrt(square[i]), step.square_scale, step.eps);
    parameter[i] = parameter[i] * step.keep - step.rate * mean[i] / size;
  }
}

void move_average(float rate, const float* x, int64_t n, float* average) {
  for (int64_t i = 0; i < n; ++i) average[i] = fma(x[i] - average[i], rate, average[i]);
}
