#include "kronwerk/application/session/run.hpp"

int main(int argc, char** argv) {
  return kronwerk::application::run(argc, argv);
}
