// The worked example: what an input and a prompt become on their way through the model.
//   ./explain flan-t5-small "The quick brown fox" "Summarise this" > page.html
#include <iostream>

#include "transept/transept.h"

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "usage: explain FOLDER INPUT PROMPT\n";
    return 2;
  }
  try {
    const transept::Model model = transept::Model::load(arguments[1]);
    const transept::Memory memory = model.encode(arguments[2]);
    const transept::Explanation explanation = model.explain(
        memory, {.input = arguments[2], .prompt = arguments[3], .steps = 4, .top = 3});
    std::cerr << "first choice: " << explanation.steps.front().chosen.piece.text << '\n';
    std::cout << transept::render_html(explanation);
  } catch (const transept::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
