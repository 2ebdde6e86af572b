// A Memory is a value: kept, saved, loaded, sliced, joined, and answered from any number of times.
//   ./memory flan-t5-small
#include <cstdio>
#include <iostream>

#include "transept/transept.h"

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: memory FOLDER\n";
    return 2;
  }
  try {
    const transept::Model model = transept::Model::load(arguments[1]);
    const transept::Memory fox = model.encode("The quick brown fox");
    const transept::Memory dog = model.encode("jumped over the lazy dog");

    const transept::Memory both = transept::concat({fox, dog});
    std::cout << both.rows() << " rows of " << both.width() << ", " << both.bytes() << " bytes\n";
    std::cout << both.slice(0, fox.rows()).rows() << " of them are the fox's\n";

    const std::string file = "example.memory";
    both.save(file);
    const transept::Memory again = model.load_memory(file);
    std::remove(file.c_str());

    const std::string direct = model.generate(both, {.prompt = "for me"}).front().text;
    const std::string loaded = model.generate(again, {.prompt = "for me"}).front().text;
    std::cout << (direct == loaded ? "the same answer from the file\n" : "different!\n");
    std::cout << "encoder runs: " << model.stats().encoder_runs << '\n';
    return direct == loaded ? 0 : 1;
  } catch (const transept::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
