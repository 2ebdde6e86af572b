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
    tasks.push_back(
        {std::string(name), parameters.get("prefix", ""), parameters.get("decoder_prompt", "")});
  });
  return tasks;
}

std::vector<std::string> decoder_prompts(const std::vector<NamedTask>& tasks) {
  std::vector<std::string> prompts;
  for (const NamedTask& task : tasks)
    if (!task.decoder_prompt.empty()) prompts.push_back(task.decoder_prompt);
  return prompts;
}

}  // namespace transept
