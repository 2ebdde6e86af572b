// Any bytes as a SentencePiece model: an Error, or a tokenizer that encodes and decodes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "text/spm.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const transept::SpmTokenizer tokenizer(transept::Spm(bytes, "fuzz"), "fuzz");
    const auto encoding = tokenizer.encode("The hot <n> word \u00e9e\u0301 \u72d0 \t12", {});
    static_cast<void>(tokenizer.decode(encoding.ids, true));
  } catch (const transept::Error&) {
  }
  return 0;
}
