#pragma once

#include <vector>

#include "kronwerk/prediction/forecast.hpp"
#include "kronwerk/prediction/products.hpp"

namespace kronwerk::prediction {

/// A kernel matrix, and the derivatives that are asked for.
struct KernelWork {
  double extent = 0;
  double cost = 1;                  ///< of a pair, compared with the one that is measured
  std::vector<double> derivatives;  ///< likewise, of each parameter
};

/// The log density of complete observations of a Gaussian field, and its gradient.
struct DensityWork {
  std::vector<Index> extents;
  std::vector<KernelWork> kernels;  ///< one per mode that has one
  int scales = 0;                   ///< parameters that no kernel depends on
  Index observations = 1;
  double input_bytes = 0;
  double datasets = 0;
};
std::vector<Stage> price_density(const Pricing& pricing, const DensityWork& work);

/// A fit of a Gaussian flow model with complete flows.
struct FlowFitWork {
  PricedSum lags;                  ///< the filter: its terms one by one
  double columns = 0;              ///< factored ones of the mean
  Index grids = 1;                 ///< of observed flows
  std::vector<double> decomposed;  ///< extents of the distinct matrices whose eigenvalues are found
  double moment_flops = 0;         ///< of sparse factorisations in their place; 0: none
  double moment_factorisations = 1;
  double pairs = 0;      ///< of eigenvalues, for each evaluation
  bool spectral = true;  ///< how the expectation is solved for
  std::vector<PricedMode> to_basis;
  PricedSum iteration;  ///< what an iteration applies, if it is not
  double iterations = 30;
  double matrix_bytes = 0;
  double datasets = 0;
};
std::vector<Stage> price_flow_fit(const Pricing& pricing, const FlowFitWork& work);

}  // namespace kronwerk::prediction
