// One input, one prompt, one answer: c++ -std=c++20 generate.cpp $(pkg-config --cflags --libs
// transept)
//   ./generate flan-t5-small "translate English to German: Good morning."
#include <iostream>

#include "transept/transept.h"

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: generate FOLDER INPUT [PROMPT]\n";
    return 2;
  }
  try {
    const transept::Model model = transept::Model::load(arguments[1]);
    const transept::Memory memory = model.encode(arguments[2]);
    const std::string prompt = count > 3 ? arguments[3] : "";

    // The text as it grows …
    model.generate(memory, {.prompt = prompt, .beams = 1},
                   [](transept::Token, std::string_view text) {
                     std::cout << text << std::flush;
                     return true;
                   });
    std::cout << '\n';

    // … and the three best of a beam search, with what they are ranked by.
    for (const auto& h : model.generate(memory, {.prompt = prompt, .beams = 3, .n_best = 3}))
      std::cout << h.score << '\t' << h.text << '\n';

    // How probable a given target is, token by token.
    const transept::Score score = model.score(memory, "The dog");
    std::cout << score.logprob << '\t' << score.tokens.size() << " tokens\n";
  } catch (const transept::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
