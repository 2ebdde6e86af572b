// Owning, zero-filled, 64-byte aligned bytes. Large ones ask for huge pages (20 % on one-row
// products).
#pragma once

#include <cstddef>
#include <utility>

namespace transept {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t size_bytes);
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer moved(std::move(other));
    swap(moved);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] std::byte* data() { return data_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  template <class T>
  [[nodiscard]] T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  [[nodiscard]] const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapping_, other.mapping_);
    std::swap(mapping_size_, other.mapping_size_);
  }

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;  // what munmap gets; null when the bytes come from the heap
  size_t mapping_size_ = 0;
};

// For a program of its own, at its beginning: the heap keeps what is freed for what comes next,
// batch after batch. Getting it from the system again, page by page, was 8 % of encoding.
void keep_heap();

// Returns to the system what was freed and the heap has kept for later. Milliseconds.
void trim_heap();

}  // namespace transept
