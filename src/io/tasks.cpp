#include "io/tasks.h"

#include "base/json.h"

namespace transept {

std::vector<NamedTask> named_tasks(const std::string& config_json) {
  std::vector<NamedTask> tasks;
  const JsonDocument document = JsonDocument::parse(config_json, "config.json");
  const auto named = document.root().find("task_specific_params");
  if (!named || !named->is_object()) return tasks;
  named->each_member([&](std::string_view name, const Json& parameters) {
    if (!parameters.is_object()) return;
    NamedTask task{
        std::string(name), parameters.get("prefix", ""), parameters.get("decoder_prompt", ""), {}};
    if (const auto wordings = parameters.find("other_wordings"); wordings && !wordings->is_null())
      for (const Json& wording : wordings->elements())
        task.other_wordings.emplace_back(wording.as_string());
    tasks.push_back(std::move(task));
  });
  return tasks;
}

std::vector<Translation> translations_of(const std::vector<NamedTask>& tasks) {
  std::vector<Translation> translations;
  for (const NamedTask& task : tasks) {
    constexpr std::string_view kBegin = "translation_";
    const size_t middle = task.name.find("_to_");
    if (!task.name.starts_with(kBegin) || middle == std::string::npos) continue;
    translations.push_back({task.name.substr(kBegin.size(), middle - kBegin.size()),
                            task.name.substr(middle + 4), task.prefix, task.decoder_prompt});
  }
  return translations;
}

std::vector<std::string> decoder_prompts(const std::vector<NamedTask>& tasks) {
  std::vector<std::string> prompts;
  for (const NamedTask& task : tasks)
    if (!task.decoder_prompt.empty()) prompts.push_back(task.decoder_prompt);
  return prompts;
}

}  // namespace transept
