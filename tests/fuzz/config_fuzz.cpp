// Any bytes as a config.json: an Error, or a configuration whose every tensor has a name. And as a
// generation_config.json: an Error, or options.
#include "base/error.h"
#include "generate/options.h"
#include "io/import/import.h"
#include "model/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    (void)options_from_json("{}", text);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::internal) __builtin_trap();
  }
  try {
    const JsonDocument document = JsonDocument::parse(text, "config.json");
    const Imported imported = import_model(document.root());
    check_config(imported.config);
    Transformer model;
    model.config = imported.config;
    visit(model, [&](const std::string& name, Weight&, int rows, int cols, Role) {
      if (!imported.names.sources.contains(name) || rows < 1 || cols < 1) __builtin_trap();
    });
  } catch (const Error& e) {
    if (e.code() == ErrorCode::internal) __builtin_trap();
  }
  return 0;
}
