package main

import (
	"math"
	"math/rand/v2"
)

const (
	features = 8
	classes  = 4
	samples  = 2000
	row      = features + 1 // a class's weights and its bias
)

// sample is a point of one of the classes.
type sample struct {
	x     [features]float64
	label int
}

// weights are a softmax regression's, class after class.
type weights []float64

// synthetic returns one client's share of the data as (training, test). All the
// data follow from the seed: a cloud of points around one centre a class.
// Client `partition` of `of` has every of-th point, and keeps a fifth apart.
// With shuffled labels the points say nothing about their labels.
func synthetic(seed uint64, partition, of int, shuffled bool) (train, test []sample) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var centres [classes][features]float64
	for c := range centres {
		for f := range centres[c] {
			centres[c][f] = 1.2 * rng.NormFloat64()
		}
	}
	var mine []sample
	for i := range samples {
		s := sample{label: rng.IntN(classes)}
		for f := range s.x {
			s.x[f] = centres[s.label][f] + rng.NormFloat64()
		}
		if i%of == partition {
			mine = append(mine, s)
		}
	}
	if shuffled {
		rng.Shuffle(len(mine), func(i, j int) {
			mine[i].label, mine[j].label = mine[j].label, mine[i].label
		})
	}
	return mine[len(mine)/5:], mine[:len(mine)/5]
}

// scores returns each class's probability.
func (w weights) scores(x [features]float64) (p [classes]float64) {
	highest, sum := math.Inf(-1), 0.0
	for c := range p {
		p[c] = w[c*row+features]
		for f, v := range x {
			p[c] += w[c*row+f] * v
		}
		highest = max(highest, p[c])
	}
	for c := range p {
		p[c] = math.Exp(p[c] - highest)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}

// train returns w after some epochs of stochastic gradient descent.
func (w weights) train(data []sample, epochs int, rate float64, rng *rand.Rand) weights {
	w = append(weights(nil), w...)
	for range epochs {
		for _, i := range rng.Perm(len(data)) {
			p := w.scores(data[i].x)
			p[data[i].label]--
			for c, slope := range p {
				for f, v := range data[i].x {
					w[c*row+f] -= rate * slope * v
				}
				w[c*row+features] -= rate * slope
			}
		}
	}
	return w
}

// test returns the share of the data that w puts into their class, and the mean
// cross-entropy.
func (w weights) test(data []sample) (accuracy, loss float64) {
	right := 0
	for _, s := range data {
		p, best := w.scores(s.x), 0
		loss -= math.Log(max(p[s.label], 1e-12))
		for c := range p {
			if p[c] > p[best] {
				best = c
			}
		}
		if best == s.label {
			right++
		}
	}
	return float64(right) / float64(len(data)), loss / float64(len(data))
}
