// The kernels over rows and elements, written once in Lanes. Included inside an unnamed namespace,
// after lanes.inl and math.inl. What they compute is stated by reference.cpp.

TRANSEPT_INLINE Lanes lanes_of(float value) {
  return splat<Lanes>(value);
}

void layer_norm(const float* x, const float* gain, const float* shift, float eps, int n, float* y,
                float* stats) {
  Lanes sum = lanes_of(0.0f);
  for (int i = 0; i < n; i += kLanes) sum = sum + load_first(x + i, n - i);
  const float mean = Isa::sum(sum.v) / static_cast<float>(n);
  const Lanes means = lanes_of(mean);
  Lanes square = lanes_of(0.0f);
  for (int i = 0; i < n; i += kLanes) {
    const Lanes d = keep_first(load_first(x + i, n - i) - means, n - i, lanes_of(0.0f));
    square = fma(d, d, square);
  }
  const float rstd = 1.0f / __builtin_sqrtf(Isa::sum(square.v) / static_cast<float>(n) + eps);
  for (int i = 0; i < n; i += kLanes) {
    const Lanes normal = (load_first(x + i, n - i) - means) * lanes_of(rstd);
    const Lanes g = load_first(gain + i, n - i);
    const Lanes out = shift != nullptr ? fma(normal, g, load_first(shift + i, n - i)) : normal * g;
    store_first(y + i, out, n - i);
  }
  if (stats != nullptr) {
    stats[0] = mean;
    stats[1] = rstd;
  }
}

void rms_norm(const float* x, const float* gain, float eps, int n, float* y, float* stats) {
  Lanes square = lanes_of(0.0f);
  for (int i = 0; i < n; i += kLanes) {
    const Lanes v = load_first(x + i, n - i);
    square = fma(v, v, square);
  }
  const float rstd = 1.0f / __builtin_sqrtf(Isa::sum(square.v) / static_cast<float>(n) + eps);
  for (int i = 0; i < n; i += kLanes) {
    const Lanes out = load_first(x + i, n - i) * lanes_of(rstd) * load_first(gain + i, n - i);
    store_first(y + i, out, n - i);
  }
  if (stats != nullptr) {
    stats[0] = 0.0f;
    stats[1] = rstd;
  }
}

// What is subtracted before exp: the largest value, or 0 if nothing is above -inf.
TRANSEPT_INLINE float exp_origin(float largest) {
  return largest == -__builtin_inff() ? 0.0f : largest;
}

void softmax(float* row, const float* bias, float scale, int valid, int n) {
  const Lanes none = lanes_of(-__builtin_inff());
  const Lanes factor = lanes_of(scale);
  Lanes largest = none;
  for (int i = 0; i < valid; i += kLanes) {
    const Lanes s = load_first(row + i, valid - i);
    const Lanes v = bias != nullptr ? fma(s, factor, load_first(bias + i, valid - i)) : s * factor;
    store_first(row + i, v, valid - i);
    largest = max(keep_first(v, valid - i, none), largest);
  }
  const Lanes origin = lanes_of(exp_origin(Isa::largest(largest.v)));
  Lanes sum = lanes_of(0.0f);
  for (int i = 0; i < valid; i += kLanes) {
    const Lanes e = exp_of(load_first(row + i, valid - i) - origin);
    store_first(row + i, e, valid - i);
    sum = sum + keep_first(e, valid - i, lanes_of(0.0f));
  }
  const float total = Isa::sum(sum.v);
  const Lanes inverse = lanes_of(total == 0.0f ? 0.0f : 1.0f / total);
  for (int i = 0; i < valid; i += kLanes)
    store_first(row + i, load_first(row + i, valid - i) * inverse, valid - i);
  for (int i = valid; i < n; i += kLanes) store_first(row + i, lanes_of(0.0f), n - i);
}

void sum_exp(const float* x, int n, float* largest, float* sum) {
  const Lanes none = lanes_of(-__builtin_inff());
  Lanes top = none;
  for (int i = 0; i < n; i += kLanes)
    top = max(keep_first(load_first(x + i, n - i), n - i, none), top);
  *largest = Isa::largest(top.v);
  const Lanes origin = lanes_of(exp_origin(*largest));
  Lanes sums = lanes_of(0.0f);
  for (int i = 0; i < n; i += kLanes) {
    const Lanes e = exp_of(load_first(x + i, n - i) - origin);
    sums = sums + keep_first(e, n - i, lanes_of(0.0f));
  }
  *sum = Isa::sum(sums.v);
}

// Values that are looked at together, then one by one if one of them matters.
inline constexpr int kSearched = 4 * kLanes;

TRANSEPT_INLINE float largest_of_block(const float* x, int count) {
  const Lanes none = lanes_of(-__builtin_inff());
  if (count >= kSearched) {
    const Lanes low = max(load(x), max(load(x + kLanes), none));
    const Lanes high = max(load(x + 2 * kLanes), max(load(x + 3 * kLanes), none));
    return Isa::largest(max(low, high).v);
  }
  Lanes most = none;
  for (int i = 0; i < count; i += kLanes)
    most = max(keep_first(load_first(x + i, count - i), count - i, none), most);
  return Isa::largest(most.v);
}

int index_of_largest(const float* x, int n) {
  float largest = -__builtin_inff();
  int block = 0;
  for (int i = 0; i < n; i += kSearched) {
    const float own = largest_of_block(x + i, n - i);
    if (!(own > largest)) continue;
    largest = own;
    block = i;
  }
  if (largest == -__builtin_inff()) return 0;  // all are, or NaN
  while (x[block] != largest) ++block;
  return block;
}

int first_above(const float* x, int n, float threshold) {
  for (int i = 0; i < n; i += kSearched) {
    if (!(largest_of_block(x + i, n - i) > threshold)) continue;
    while (!(x[i] > threshold)) ++i;
    return i;
  }
  return n;
}

float bound_outputs(const BoundOutputs& b) {
  const Lanes none = lanes_of(-__builtin_inff());
  const Lanes x_length = lanes_of(b.x_length);
  const Lanes x_error = lanes_of(b.x_error);
  Lanes lower = none;
  for (int j = 0; j < b.n; j += kLanes) {
    const int count = b.n - j;
    const Lanes y = load_first(b.y + j, count);
    const Lanes of_size = max(y, lanes_of(0.0f) - y) * lanes_of(0x1p-22f);
    const Lanes margin = fma(x_length, load_first(b.w_error + j, count),
                             fma(x_error, load_first(b.w_length + j, count), of_size));
    const Lanes upper = max(keep_first(y + margin, count, none), none);
    b.upper[j / kLanes] = Isa::largest(upper.v);
    lower = max(keep_first(y - margin, count, none), lower);
  }
  return Isa::largest(lower.v);
}

// y = act(x), times `up` if that is not null.
template <ActivationKind kind>
void activate_as(const float* x, const float* up, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += kLanes) {
    Lanes out = activation_of<kind>(load_first(x + i, n - i));
    if (up != nullptr) out = out * load_first(up + i, n - i);
    store_first(y + i, out, n - i);
  }
}

void activate_gated(ActivationKind kind, const float* gate, const float* up, int64_t n, float* y) {
  switch (kind) {
    case ActivationKind::relu:
      return activate_as<ActivationKind::relu>(gate, up, n, y);
    case ActivationKind::gelu_erf:
      return activate_as<ActivationKind::gelu_erf>(gate, up, n, y);
    case ActivationKind::gelu_tanh:
      return activate_as<ActivationKind::gelu_tanh>(gate, up, n, y);
    case ActivationKind::silu:
      return activate_as<ActivationKind::silu>(gate, up, n, y);
    case ActivationKind::tanh:
      return activate_as<ActivationKind::tanh>(gate, up, n, y);
  }
}

void activate(ActivationKind kind, const float* x, int64_t n, float* y) {
  activate_gated(kind, x, nullptr, n, y);
}

void add(const float* x, const float* y, int64_t n, float* z) {
  for (int64_t i = 0; i < n; i += kLanes)
    store_first(z + i, load_first(x + i, n - i) + load_first(y + i, n - i), n - i);
}

void multiply(const float* x, const float* y, int64_t n, float* z) {
  for (int64_t i = 0; i < n; i += kLanes)
    store_first(z + i, load_first(x + i, n - i) * load_first(y + i, n - i), n - i);
}

void scale(const float* x, float factor, int64_t n, float* y) {
  for (int64_t i = 0; i < n; i += kLanes)
    store_first(y + i, load_first(x + i, n - i) * lanes_of(factor), n - i);
}

void scale_add(const float* x, float factor, const float* y, int64_t n, float* z) {
  for (int64_t i = 0; i < n; i += kLanes) {
    const Lanes out = fma(load_first(x + i, n - i), lanes_of(factor), load_first(y + i, n - i));
    store_first(z + i, out, n - i);
  }
}
