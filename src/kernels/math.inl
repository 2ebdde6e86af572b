// exp, expm1, erf and the activations, written once for float (reference.cpp) and for 16 lanes
// (the other tables): the same operations in the same order, so the same bits.
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

// x P(x^2) / Q(x^2) on [-4, 4]; beyond, erf rounds to +-1.
template <class T>
TRANSEPT_INLINE T erf_of(T x) {
  x = max(splat<T>(-4.0f), min(splat<T>(4.0f), x));
  const T u = x * x;
  T p = splat<T>(1.98681645599e-6f);
  p = fma(p, u, splat<T>(0.000284559484359f));
  p = fma(p, u, splat<T>(0.00388309490467f));
  p = fma(p, u, splat<T>(0.05310098077f));
  p = fma(p, u, splat<T>(0.193539363616f));
  p = fma(p, u, splat<T>(1.12837913956f));
  T q = splat<T>(3.74201905322e-5f);
  q = fma(q, u, splat<T>(0.00118550907667f));
  q = fma(q, u, splat<T>(0.015206755506f));
  q = fma(q, u, splat<T>(0.115347632678f));
  q = fma(q, u, splat<T>(0.504852353024f));
  q = fma(q, u, splat<T>(1.0f));
  return x * p / q;
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
    // x * Phi(x) (Hendrycks & Gimpel 2016).
    const T half = splat<T>(0.5f) * x;
    return fma(half, erf_of(x * splat<T>(0.70710678118654752f)), half);
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
