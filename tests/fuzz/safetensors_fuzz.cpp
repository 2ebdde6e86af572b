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
      const Buffer bytes_of = file.read(tensor);
      for (size_t i = 0; i < bytes_of.size(); ++i) sum += static_cast<unsigned>(bytes_of.data()[i]);
    }
    volatile unsigned sink = sum;  // every byte was read
    (void)sink;
  } catch (const Error&) {
  }
  return 0;
}
