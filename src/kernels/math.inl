// exp, tanh, the normal distribution and the activations, written once for float (reference.cpp)
// and for 16 lanes (the other tables): the same operations in the same order, so the same bits.
//
// Included inside an unnamed namespace. The includer provides for its type T: + - * /,
// splat<T>(float), fma(a, b, c), max(a, b) = a > b ? a : b, min(a, b) = a < b ? a : b (so a NaN in
// b stays), and times_two_to(x, t) where t = kRoundMagic + n: x * 2^n, rounded once.
//
// The coefficients are minimax fits of our own (Lawson's iteration at Chebyshev nodes); errors were
// measured against double precision, see kernels_test.cpp.

inline constexpr float kLog2E = 1.442695040888963f;
inline constexpr float kLn2High = 0.693359375f;  // 10 bits, so n * kLn2High is exact
inline constexpr float kLn2Low = -2.12194440054690583e-4f;

// exp(x) = 2^n * (1 + e), |r| <= ln(2) / 2: gives e = exp(r) - 1 and t = kRoundMagic + n.
template <class T>
TRANSEPT_INLINE T reduced_expm1(T x, T& t) {
  t = fma(x, splat<T>(kLog2E), splat<T>(kRoundMagic));
  const T n = t - splat<T>(kRoundMagic);
  const T r = fma(n, splat<T>(-kLn2Low), fma(n, splat<T>(-kLn2High), x));
  T q = splat<T>(0.00139467670255f);
  q = fma(q, r, splat<T>(0.00836677840607f));
  q = fma(q, r, splat<T>(0.0416662777746f));
  q = fma(q, r, splat<T>(0.166665415392f));
  q = fma(q, r, splat<T>(0.500000006298f));
  return fma(r * r, q, r);
}

// Within 2 units in the last place, subnormal results included; exp(-inf) = 0, NaN stays.
template <class T>
TRANSEPT_INLINE T exp_of(T x) {
  x = max(splat<T>(-104.0f), min(splat<T>(89.0f), x));
  T t;
  const T e = reduced_expm1(x, t);
  return times_two_to(e + splat<T>(1.0f), t);
}

// (exp(2x) - 1) / (exp(2x) + 1), with exp(2x) - 1 formed without cancellation.
template <class T>
TRANSEPT_INLINE T tanh_of(T x) {
  x = max(splat<T>(-10.0f), min(splat<T>(10.0f), x));  // tanh(10) rounds to 1
  T t;
  const T e = reduced_expm1(x + x, t);
  const T power = times_two_to(splat<T>(1.0f), t);
  const T expm1 = fma(e, power, power - splat<T>(1.0f));
  return expm1 / (expm1 + splat<T>(2.0f));
}

// The upper tail of the normal distribution, 1 - Phi(a) = erfc(a / sqrt(2)) / 2, for 0 <= a <= 15:
// exp(-a^2 / 2) times a polynomial in t = 1 / (1 + 0.3 a), as in Hastings 1955. Relative error
// below 1e-6 up to a = 4; further out the rounding of a^2 makes it a few 1e-6, of values below
// 3e-5.
template <class T>
TRANSEPT_INLINE T normal_tail(T a) {
  const T t = splat<T>(1.0f) / fma(a, splat<T>(0.3f), splat<T>(1.0f));
  T p = splat<T>(0.0368113329277f);
  p = fma(p, t, splat<T>(-0.161862490492f));
  p = fma(p, t, splat<T>(0.21423483504f));
  p = fma(p, t, splat<T>(-0.0607847695956f));
  p = fma(p, t, splat<T>(0.132226549637f));
  p = fma(p, t, splat<T>(0.0988346996441f));
  p = fma(p, t, splat<T>(0.120920993557f));
  p = fma(p, t, splat<T>(0.119618834756f));
  return exp_of(splat<T>(-0.5f) * a * a) * (t * p);
}

// x / (1 + exp(-z)): silu for z = x.
template <class T>
TRANSEPT_INLINE T times_sigmoid(T x, T z) {
  const T one = splat<T>(1.0f);
  return x / (one + exp_of(splat<T>(0.0f) - z));
}

template <ActivationKind kind, class T>
TRANSEPT_INLINE T activation_of(T x) {
  if constexpr (kind == ActivationKind::relu) {
    return max(splat<T>(0.0f), x);
  } else if constexpr (kind == ActivationKind::gelu_erf) {
    // x Phi(x) (Hendrycks & Gimpel 2016) = max(0, x) - |x| (1 - Phi(|x|)): nothing cancels.
    const T zero = splat<T>(0.0f);
    const T size = min(splat<T>(15.0f), max(x, zero - x));  // the tail beyond 15 is 0
    return fma(zero - size, normal_tail(size), max(zero, x));
  } else if constexpr (kind == ActivationKind::gelu_tanh) {
    // Their approximation 0.5 x (1 + tanh(z)), z = sqrt(2 / pi) (x + 0.044715 x^3), by the identity
    // 0.5 (1 + tanh(z)) = 1 / (1 + exp(-2z)), which does not cancel for negative z.
    const T cubic =
        fma(x * x, splat<T>(0.044715f * 1.5957691216057308f), splat<T>(1.5957691216057308f));
    return times_sigmoid(x, x * cubic);
  } else if constexpr (kind == ActivationKind::silu) {
    return times_sigmoid(x, x);
  } else {
    return tanh_of(x);
  }
}

// 1 for x > 0, else 0; NaN stays.
template <class T>
TRANSEPT_INLINE T step_of(T x) {
  const T positive = max(splat<T>(0.0f), x);
  return positive / max(splat<T>(1e-45f), positive);  // the smallest number above 0
}

// The derivative of activation_of.
template <ActivationKind kind, class T>
TRANSEPT_INLINE T activation_slope(T x) {
  const T zero = splat<T>(0.0f);
  const T one = splat<T>(1.0f);
  if constexpr (kind == ActivationKind::relu) {
    return step_of(x);
  } else if constexpr (kind == ActivationKind::gelu_erf) {
    // Phi(x) + x phi(x)
    const T size = min(splat<T>(15.0f), max(x, zero - x));
    const T step = step_of(x);
    const T phi = exp_of(splat<T>(-0.5f) * size * size) * splat<T>(0.3989422804014327f);
    return fma(x, phi, fma(fma(splat<T>(-2.0f), step, one), normal_tail(size), step));
  } else if constexpr (kind == ActivationKind::gelu_tanh || kind == ActivationKind::silu) {
    // x s(w) with s the logistic function: s + x s (1 - s) w', where 1 - s = s(-w).
    T w = x;
    T slope = one;
    if constexpr (kind == ActivationKind::gelu_tanh) {
      const T square = x * x;
      const T a = splat<T>(1.5957691216057308f);
      w = x * fma(square, splat<T>(0.044715f * 1.5957691216057308f), a);
      slope = fma(square, splat<T>(3.0f * 0.044715f * 1.5957691216057308f), a);
    }
    const T s = one / (one + exp_of(zero - w));
    const T rest = one / (one + exp_of(w));
    return fma(x * rest * slope, s, s);
  } else {
    const T t = tanh_of(x);
    return fma(zero - t, t, one);
  }
}
