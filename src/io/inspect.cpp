#include "io/inspect.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/stand_in.h"
#include "io/checkpoint.h"
#include "io/import/import.h"
#include "io/memory_file.h"
#include "io/tasks.h"
#include "model/memory.h"
#include "text/tokenizer.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

// Runs one step; what it throws becomes a problem.
template <class F>
void attempt(Report& report, F&& step) {
  try {
    step();
  } catch (const Error& e) {
    const std::string text = e.what();
    for (const std::string& known : report.problems) {
      if (known == text) return;
    }
    report.problems.push_back(text);
  } catch (const std::exception& e) {  // out of memory
    report.problems.emplace_back(e.what());
  }
}

void inspect_weights(const fs::path& folder, ThreadPool& pool, Report& report) {
  const Checkpoint checkpoint = load_checkpoint(folder, pool);
  ModelReport& model = *report.model;
  model.family = checkpoint.model->config.family;
  model.config = checkpoint.model->config;
  visit(*checkpoint.model, [&](const Weight& weight, Role) {
    model.parameters += static_cast<int64_t>(weight.size());
    if (weight.storage == Storage::f32) {
      model.stored_bytes[name_of(weight.dtype)] += weight.size() * size_of(weight.dtype);
    } else {
      model.stored_bytes[name_of(weight.storage)] += weight.packed.size();
    }
    model.packed_bytes += weight.packed.size();
  });
  model.fingerprint = checkpoint.model->identity->fingerprint();
  model.prompts = decoder_prompts(named_tasks(checkpoint.config_json));
}

void inspect_folder(const fs::path& folder, ThreadPool& pool, Report& report) {
  report.model.emplace();
  attempt(report, [&] {
    if (!file_exists(folder / "config.json")) check_not_stand_in_folder(folder);
  });
  if (!report.problems.empty()) return;  // that says it all
  attempt(report, [&] {
    const JsonDocument document = JsonDocument::load((folder / "config.json").string());
    const Imported imported = import_model(document.root());
    report.model->family = imported.config.family;
    report.model->config = imported.config;
  });
  attempt(report, [&] { inspect_weights(folder, pool, report); });
  attempt(report, [&] { report.model->tokenizer = load_tokenizer(folder)->description(); });
}

void inspect_memory(const fs::path& path, Report& report) {
  const MemoryContents contents = read_memory_file(path);
  report.memory = {.rows = contents.rows,
                   .width = contents.width,
                   .segments = static_cast<int>(contents.segments.size()),
                   .of_tokens = !contents.ids.empty(),
                   .text_hash = contents.text_hash,
                   .fingerprint = contents.fingerprint};
}

}  // namespace

Report inspect(const fs::path& path, ThreadPool& pool) {
  Report report;
  report.path = path;
  if (folder_exists(path)) {
    inspect_folder(path, pool, report);
  } else {
    attempt(report, [&] {
      if (!file_exists(path)) check_not_stand_in_folder(path);
      inspect_memory(path, report);
    });
  }
  return report;
}

}  // namespace transept
