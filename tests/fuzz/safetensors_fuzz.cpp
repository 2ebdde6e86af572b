// Any bytes as a safetensors file: an Error, or tensors that lie inside the bytes.
#include "base/error.h"
#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  try {
    const SafetensorsFile file = SafetensorsFile::parse(bytes, "fuzz");
    unsigned sum = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      for (const std::byte b : tensor.bytes) sum += static_cast<unsigned>(b);
    }
    volatile unsigned sink = sum;  // every byte was read
    (void)sink;
  } catch (const Error&) {
  }
  return 0;
}
