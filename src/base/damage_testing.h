// For tests of readers: damage to good files, and a count of what is allocated. It replaces
// operator new, so one source of a test program includes it.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

namespace {

std::atomic<size_t> live_bytes{0};
std::atomic<size_t> peak_bytes{0};

void* counted_new(size_t size, size_t alignment) {
  void* p = alignment > alignof(std::max_align_t)
                ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                : std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) return nullptr;
  const size_t live = live_bytes += malloc_usable_size(p);
  size_t peak = peak_bytes;
  while (live > peak && !peak_bytes.compare_exchange_weak(peak, live)) {
  }
  return p;
}

void counted_delete(void* p) noexcept {
  if (p == nullptr) return;
  live_bytes -= malloc_usable_size(p);
  std::free(p);
}

void* counted_new_or_throw(size_t size, size_t alignment) {
  void* p = counted_new(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

void* operator new(size_t size) {
  return counted_new_or_throw(size, 0);
}
void* operator new[](size_t size) {
  return counted_new_or_throw(size, 0);
}
void* operator new(size_t size, std::align_val_t a) {
  return counted_new_or_throw(size, static_cast<size_t>(a));
}
void* operator new[](size_t size, std::align_val_t a) {
  return counted_new_or_throw(size, static_cast<size_t>(a));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return counted_new(size, 0);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return counted_new(size, 0);
}
void* operator new(size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted_new(size, static_cast<size_t>(a));
}
void* operator new[](size_t size, std::align_val_t a, const std::nothrow_t&) noexcept {
  return counted_new(size, static_cast<size_t>(a));
}
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  counted_delete(p);
}
void operator delete(void* p) noexcept {
  counted_delete(p);
}
void operator delete[](void* p) noexcept {
  counted_delete(p);
}
void operator delete(void* p, size_t) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, size_t) noexcept {
  counted_delete(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete(void* p, size_t, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, size_t, std::align_val_t) noexcept {
  counted_delete(p);
}
void operator delete(void* p, const std::nothrow_t&) noexcept {
  counted_delete(p);
}
void operator delete[](void* p, const std::nothrow_t&) noexcept {
  counted_delete(p);
}

namespace transept::testing {

// The most bytes that operator new had handed out at one time during f.
size_t peak_allocation(const std::function<void()>& f) {
  const size_t before = live_bytes;
  peak_bytes = before;
  f();
  return peak_bytes - before;
}

// Calls f with every truncation of `good`, then with `flips` single-bit changes spread over it.
void for_each_damage(const std::string& good, size_t flips,
                     const std::function<void(const std::string&)>& f) {
  for (size_t n = 0; n < good.size(); ++n) f(good.substr(0, n));
  const size_t bits = good.size() * 8;
  for (size_t i = 0; i < flips; ++i) {
    // Every bit where there are few, else a fixed scatter.
    const size_t bit = flips >= bits ? i % bits : (i * 2654435761U) % bits;
    std::string damaged = good;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    f(damaged);
  }
}

}  // namespace transept::testing
