#include "base/buffer.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "base/error.h"

namespace transept {
namespace {
constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
}  // namespace

Buffer::Buffer(size_t size_bytes) : size_(size_bytes) {
  if (size_ == 0) return;
  check(size_ < std::numeric_limits<size_t>::max() - 2 * kHugePage, ErrorCode::limit,
        "cannot allocate {} bytes", size_);
  if (size_ < kHugePage) {
    const size_t rounded = (size_ + kAlignment - 1) / kAlignment * kAlignment;
    data_ = static_cast<std::byte*>(
        ::operator new (rounded, std::align_val_t{kAlignment}, std::nothrow));
    check(data_ != nullptr, ErrorCode::limit, "cannot allocate {} bytes: out of memory", size_);
    std::memset(data_, 0, rounded);
    return;
  }
  // Pages of a fresh mapping are zero already and are not touched here.
  mapping_size_ = (size_ + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  void* mapping =
      mmap(nullptr, mapping_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(mapping != MAP_FAILED, ErrorCode::limit, "cannot allocate {} bytes: out of memory", size_);
  mapping_ = mapping;
  size_t room = mapping_size_;
  data_ = static_cast<std::byte*>(std::align(kHugePage, size_, mapping, room));
  (void)madvise(data_, mapping_size_ - kHugePage, MADV_HUGEPAGE);  // works without, only slower
}

Buffer::~Buffer() {
  if (mapping_ != nullptr) {
    munmap(mapping_, mapping_size_);
  } else if (data_ != nullptr) {
    ::operator delete (data_, std::align_val_t{kAlignment});
  }
}

void keep_heap() {
#ifdef __GLIBC__
  constexpr int kLargest = 32 << 20;  // of what may come from the heap: glibc's own limit
  (void)mallopt(M_MMAP_THRESHOLD, kLargest);
  (void)mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

void trim_heap() {
#ifdef __GLIBC__
  (void)malloc_trim(0);
#endif
}

}  // namespace transept
