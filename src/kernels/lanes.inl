// Lanes: 16 floats in as many registers as the instruction set needs, with the operators that
// math.inl and portable.inl are written in. Included inside an unnamed namespace, after `Isa`.
//
// Isa provides: Vec, kWidth and, on Vec, load, store, load_first(p, count), store_first(p, v,
// count), keep_first(v, count, other), splat, add, sub, mul, div, fma, max, min, sqrt,
// times_two_to; and sum, max over the 16 lanes by the fixed tree (j with j + 8, + 4, + 2, + 1).

inline constexpr int kVecs = kLanes / Isa::kWidth;

struct Lanes {
  Isa::Vec v[kVecs];
};

#define TRANSEPT_EACH TRANSEPT_UNROLL for (int i = 0; i < kVecs; ++i)

#define TRANSEPT_BINARY(name, function)                   \
  TRANSEPT_INLINE Lanes name(Lanes a, Lanes b) {          \
    TRANSEPT_EACH a.v[i] = Isa::function(a.v[i], b.v[i]); \
    return a;                                             \
  }
TRANSEPT_BINARY(operator+, add)
TRANSEPT_BINARY(operator-, sub)
TRANSEPT_BINARY(operator*, mul)
TRANSEPT_BINARY(operator/, div)
TRANSEPT_BINARY(max, max)
TRANSEPT_BINARY(min, min)
TRANSEPT_BINARY(times_two_to, times_two_to)
#undef TRANSEPT_BINARY

TRANSEPT_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) {
  TRANSEPT_EACH c.v[i] = Isa::fma(a.v[i], b.v[i], c.v[i]);
  return c;
}

TRANSEPT_INLINE Lanes sqrt_of(Lanes a) {
  TRANSEPT_EACH a.v[i] = Isa::sqrt(a.v[i]);
  return a;
}

template <class T>
TRANSEPT_INLINE T splat(float value) {
  T x;
  TRANSEPT_EACH x.v[i] = Isa::splat(value);
  return x;
}

TRANSEPT_INLINE Lanes load(const float* p) {
  Lanes x;
  TRANSEPT_EACH x.v[i] = Isa::load(p + i * Isa::kWidth);
  return x;
}

TRANSEPT_INLINE void store(float* p, Lanes x) {
  TRANSEPT_EACH Isa::store(p + i * Isa::kWidth, x.v[i]);
}

// How many of `count` lanes fall into vector i.
TRANSEPT_INLINE int lanes_in(int i, int64_t count) {
  const int left = static_cast<int>(count) - i * Isa::kWidth;
  return left < 0 ? 0 : left > Isa::kWidth ? Isa::kWidth : left;
}

// The first `count` lanes (all 16 if there are more); the others are 0 and their memory is not
// touched.
TRANSEPT_INLINE Lanes load_first(const float* p, int64_t count) {
  if (count >= kLanes) return load(p);
  Lanes x;
  TRANSEPT_EACH x.v[i] = Isa::load_first(p + i * Isa::kWidth, lanes_in(i, count));
  return x;
}

TRANSEPT_INLINE void store_first(float* p, Lanes x, int64_t count) {
  if (count >= kLanes) return store(p, x);
  TRANSEPT_EACH Isa::store_first(p + i * Isa::kWidth, x.v[i], lanes_in(i, count));
}

// The first `count` lanes of x, `other` in the rest.
TRANSEPT_INLINE Lanes keep_first(Lanes x, int64_t count, Lanes other) {
  if (count >= kLanes) return x;
  TRANSEPT_EACH x.v[i] = Isa::keep_first(x.v[i], lanes_in(i, count), other.v[i]);
  return x;
}

#undef TRANSEPT_EACH
